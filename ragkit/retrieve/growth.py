"""Hits that grow within their documents, and become one where they meet.

What every such stage keeps: a passage is exactly its document's text at its span, as it stood at the plan's
commit; nothing is shown that the plan may not see; no text is given twice; what was found is never lost.
"""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import Field

from ragkit.graph.stage import RunContext, Stage
from ragkit.protocols import Collection, Resources, Surroundings
from ragkit.retrieve.outline import Outline
from ragkit.settings import Settings
from ragkit.text.headings import heading_paths
from ragkit.text.spans import intersect
from ragkit.types import Chunk, Document, Hit, Ranking, Span


@dataclass(frozen=True, slots=True)
class _Passage:
    """Hits that have become one, best first, and where it lies; without a document nothing has grown."""

    hits: tuple[Hit, ...]
    span: Span
    document: Document | None = None
    headings: tuple[str, ...] = ()


class Growth(Stage[Ranking, Ranking]):
    """What the stages share that give passages more of their documents."""

    class Config(Settings):
        score: Literal["best", "sum"] = Field(
            "best", description="Score of a passage that several hits became: of the best one, or their sum."
        )

    config: Config
    collection: Collection

    def setup(self, resources: Resources) -> None:
        self.collection = resources.collection

    @abstractmethod
    def widened(self, outline: Outline, spans: Sequence[Span]) -> list[Span]:
        """For each span of a document the one that it is to become; itself where it stays as it is."""

    def outline(self, document: Document) -> Outline:
        """What the stage knows of a document's structure."""
        return Outline(document)

    def meet(self, outline: Outline, first: Span, second: Span) -> bool:
        """Whether two passages in reading order, one of them grown, become one."""
        return second.start < first.end

    def run(self, ranking: Ranking, ctx: RunContext) -> Ranking:
        around = self.collection.around([hit.chunk for hit in ranking.hits], ranking.plan)
        places: dict[str, list[int]] = {}
        for n, one in enumerate(around):
            if one is not None:
                places.setdefault(one.document.id, []).append(n)
        passages = [
            _Passage((hit,), hit.chunk.span)
            for hit, one in zip(ranking.hits, around, strict=True)
            if one is None
        ]
        for own in places.values():
            passages += self._grown([ranking.hits[n] for n in own], [around[n] for n in own])
        order = {id(hit): n for n, hit in enumerate(ranking.hits)}
        passages.sort(key=lambda passage: order[id(passage.hits[0])])
        hits = [self._hit(passage) for passage in passages]
        if self.config.score == "sum":
            hits.sort(key=lambda hit: (-hit.score, hit.chunk.id))
        self._note(ranking, hits, around, ctx)
        return replace(ranking, hits=tuple(hits))

    def _grown(self, hits: Sequence[Hit], around: Sequence[Surroundings | None]) -> list[_Passage]:
        """The passages of one document, in reading order."""
        known = [one for one in around if one is not None]
        document, own = known[0].document, [hit.chunk.span for hit in hits]
        outline = self.outline(document)
        wider = [
            _within(span, one.shown, given)
            for span, one, given in zip(self.widened(outline, own), known, own, strict=True)
        ]
        grown = sorted(zip(wider, range(len(hits)), strict=True), key=lambda pair: (pair[0], pair[1]))
        made: list[tuple[Span, list[int], bool]] = []
        for span, n in grown:
            is_grown, members = span != own[n], [n]
            # Of two that did not grow each stays, until one comes that meets the later: with it they are one.
            while made and (is_grown or made[-1][2]) and self.meet(outline, made[-1][0], span):
                last, others, _ = made.pop()
                others.extend(members)
                span, members, is_grown = Span(last.start, max(last.end, span.end)), others, True
            made.append((span, members, is_grown))
        paths = heading_paths(document, [span for span, _, _ in made])
        return [
            _Passage(tuple(hits[n] for n in sorted(members)), span, document, path)
            for (span, members, _), path in zip(made, paths, strict=True)
        ]

    def _hit(self, passage: _Passage) -> Hit:
        best = passage.hits[0]
        if passage.document is None or (passage.span == best.chunk.span and len(passage.hits) == 1):
            return best
        given = [hit.score for hit in passage.hits]
        scores: dict[str, float] = {}
        for hit in passage.hits:
            for name, score in hit.scores.items():
                scores[name] = max(score, scores.get(name, score))
        return Hit(
            _chunk(best.chunk, passage.document, passage),
            sum(given) if self.config.score == "sum" else max(given),
            scores=scores,
        )

    def _note(
        self,
        ranking: Ranking,
        hits: Sequence[Hit],
        around: Sequence[Surroundings | None],
        ctx: RunContext,
    ) -> None:
        before = {hit.chunk.id: hit.chunk.span for hit in ranking.hits}
        ctx.note(grown=sum(hit.chunk.span != before[hit.chunk.id] for hit in hits), passages=len(hits))
        unknown = [hit.chunk.id for hit, one in zip(ranking.hits, around, strict=True) if one is None]
        if unknown:
            ctx.note(not_grown=unknown, why="their document is not there as it was when they were found")


def _within(span: Span, shown: Span, own: Span) -> Span:
    """What of a span may be seen, and never less than was found."""
    seen = intersect(span, shown) or own
    return Span(min(seen.start, own.start), max(seen.end, own.end))


def _chunk(chunk: Chunk, document: Document, passage: _Passage) -> Chunk:
    """A passage of a document by the name of one of its chunks."""
    span = passage.span
    first = bisect_right(document.pages, span.start, key=lambda page: page.start)
    last = bisect_right(document.pages, max(span.start, span.end - 1), key=lambda page: page.start)
    return replace(
        chunk,
        span=span,
        text=span.of(document.text),
        headings=passage.headings,
        page=first or None,
        page_starts=tuple(page.start for page in document.pages[first:last]),
    )
