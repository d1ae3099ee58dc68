"""From the values of a graph's nodes to what an outcome keeps of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ragkit.errors import EvalError
from ragkit.evaluation.outcome import Found, Outcome, Place, Reply
from ragkit.evaluation.runner.places import Whole
from ragkit.types import Answer, ArmRanking, Chunk, Context, QueryPlan, Ranking, Rankings, Span


class Fetches(Protocol):
    """The part of a collection that knows what a chunk is."""

    def fetch(self, ids: Sequence[str], plan: QueryPlan) -> list[Chunk | None]:
        """The chunks with these ids, in this order; None for one that the plan may not see."""
        ...


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the graph that was asked: its name and its registered name."""

    name: str
    use: str


class Observer:
    """Makes outcomes of the values that nodes gave. Where chunks lie is remembered, for arms give only ids.

    Safe under threads: two that look up the same chunk find the same.

    Args:
        collection: it knows the chunks.
        nodes: of the graph, in its order.
        cut: how many places a ranking has at most, by node; all where it is left out.
        places: where chunks lie, by id, as far as that is known.

    >>> from ragkit.types import Hit
    >>> chunk = Chunk("c" * 32, "a.md", span=Span(0, 4), text="Two.", ordinal=0)
    >>> ranking = Ranking(QueryPlan.of("?"), (Hit(chunk, 0.5),))
    >>> observer = Observer(None, [Node("fuse", "fuse/rrf")])
    >>> observer.outcome("q1", {"fuse": ranking}).ranked
    ('a.md',)
    """

    def __init__(
        self,
        collection: Fetches | None,
        nodes: Sequence[Node],
        *,
        cut: Mapping[str, int] | None = None,
        places: Mapping[str, Whole] | None = None,
    ) -> None:
        self._collection = collection
        self._nodes = tuple(nodes)
        self._order = {node.name: place for place, node in enumerate(self._nodes)}
        self._cut = cut or {}
        self._places = dict(places or {})

    def outcome(
        self, question_id: str, values: Mapping[str, Any], *, degraded: Sequence[str] = ()
    ) -> Outcome:
        """What an outcome keeps of the values of one run, by node.

        Raises:
            EvalError: a score is no finite number, or an arm found a chunk that the index does not have.
        """
        # Rankings first: their chunks are at hand, and those of the arms are mostly the same.
        for value in values.values():
            if isinstance(value, Ranking):
                for hit in value.hits:
                    self._remember(hit.chunk)
        found: list[Found] = []
        answer: Answer | None = None
        for node in self._nodes:
            value = values.get(node.name)
            if isinstance(value, Rankings):
                found += [self._arm(node, arm, value.plan) for arm in value.arms]
            elif isinstance(value, Ranking):
                found.append(self._ranking(node, value))
            elif isinstance(value, Context):
                found.append(self._context(node, value))
            elif isinstance(value, Answer):
                answer = value
        usage = None if answer is None else answer.usage
        return Outcome(
            question_id,
            found=tuple(found),
            reply=None if answer is None else _reply(answer),
            # Branches that run together fail in any order.
            degraded=tuple(sorted(degraded, key=self._in_order)),
            input_tokens=usage.input_tokens if usage else None,
            output_tokens=usage.output_tokens if usage else None,
            usd=usage.usd if usage else None,
        )

    def _in_order(self, name: str) -> tuple[int, str]:
        """By place in the graph, what is no node's name last."""
        return self._order.get(name, len(self._nodes)), name

    def _arm(self, node: Node, arm: ArmRanking, plan: QueryPlan) -> Found:
        ids, scores = arm.hits.id_list(), arm.hits.scores.tolist()
        _check_finite(node, scores)
        places = self._places
        unknown = [id_ for id_ in ids if id_ not in places]
        if unknown:
            self._look_up(unknown, node, plan)
        found = tuple(
            Place(id_, (whole := places[id_]).document_id, spans=whole.spans, score=score)
            for id_, score in zip(ids, scores, strict=True)
        )
        return Found(node.name, node.use, kind="arm", places=found, query=arm.query.text)

    def _look_up(self, ids: Sequence[str], node: Node, plan: QueryPlan) -> None:
        for chunk in self._collection.fetch(ids, plan) if self._collection is not None else ():
            if chunk is not None:
                self._remember(chunk)
        missing = next((id_ for id_ in ids if id_ not in self._places), None)
        if missing is not None:
            raise EvalError(f"node {node.name!r} found the chunk {missing!r}, which the index does not have")

    def _ranking(self, node: Node, ranking: Ranking) -> Found:
        hits = ranking.hits[: self._cut.get(node.name)]
        _check_finite(node, [hit.score for hit in hits])
        places = tuple(
            Place(chunk.id, chunk.document_id, spans=self._spans(chunk), score=float(hit.score))
            for hit in hits
            for chunk in (hit.chunk,)
        )
        return Found(node.name, node.use, kind="ranking", places=places)

    def _spans(self, chunk: Chunk) -> tuple[Span, ...]:
        """Those of the index where they are the same: a stage may give a wider passage than was indexed."""
        spans = self._places[chunk.id].spans
        return spans if spans[0] == chunk.span else (chunk.span,)

    def _context(self, node: Node, context: Context) -> Found:
        _check_finite(node, [passage.hit.score for passage in context.passages])
        places = tuple(
            Place(p.chunk.id, p.chunk.document_id, spans=p.keep, score=float(p.hit.score))
            for p in context.passages
        )
        return Found(node.name, node.use, kind="context", places=places)

    def _remember(self, chunk: Chunk) -> None:
        if chunk.id not in self._places:
            self._places[chunk.id] = Whole.of(chunk)


def _reply(answer: Answer) -> Reply:
    return Reply(
        answer.text,
        sentences=answer.sentences,
        dropped=answer.dropped,
        abstained=answer.abstained,
        reason=answer.reason,
        generator=answer.generator,
        confidence=answer.confidence,
        short=answer.short,
    )


def _check_finite(node: Node, scores: Sequence[float]) -> None:
    if not all(map(math.isfinite, scores)):
        wrong = next(score for score in scores if not math.isfinite(score))
        raise EvalError(f"node {node.name!r} ({node.use}) gave the score {wrong}")
