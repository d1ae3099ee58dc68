"""The passages of an answer's context, read once for all of its claims."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial

from ragkit.protocols import Collection
from ragkit.text.analyze import Analyzer
from ragkit.text.reading import read
from ragkit.text.relevance import emphasised
from ragkit.types import Chunk, Citation, Context, Passage, QueryPlan, ReadSentence, Span
from ragkit.verify.align import Evidence, align
from ragkit.verify.facts import Material
from ragkit.verify.names import names_known
from ragkit.verify.support import similarities
from ragkit.verify.synonyms import light_words

# Of its weight, what a word counts that says little by itself.
LIGHT_SHARE = 0.25


@lru_cache(maxsize=1)
def _analyzer() -> Analyzer:
    return Analyzer()


@dataclass(frozen=True)
class Passages:
    """A context that evidence is looked for in; passages are numbered from 1.

    Args:
        context: whose passages a model was given.
        collection: analyses, weighs and remembers sentences; without one every word weighs the same.
    """

    context: Context
    collection: Collection | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.context.passages)

    def passage(self, number: int) -> Passage:
        """The passage with this number."""
        return self.context.passages[number - 1]

    def terms(self, text: str) -> list[str]:
        """The analysed words of a text."""
        return self.collection.terms(text) if self.collection is not None else _analyzer().terms(text)

    def evidence(self, claim: str, numbers: Sequence[int]) -> list[Evidence]:
        """What each of these passages has for a claim, in order."""
        weights = self._weights(claim)
        return [
            align(
                claim,
                weights,
                n,
                self.passage(n),
                self._sentences(n),
                self._headings(n) | self._asked,
                self._nearness(claim),
            )
            for n in numbers
        ]

    def _nearness(self, claim: str) -> Callable[[Sequence[str]], Sequence[float]] | None:
        if self.collection is None or not self.collection.knows(claim):
            return None
        return partial(similarities, self.collection, claim)

    def material(self, evidence: Sequence[Evidence]) -> Material:
        """What a claim may take its facts from that rests on this evidence."""
        chunks = [self.passage(e.passage).chunk for e in evidence]
        quotes = [quote for e, chunk in zip(evidence, chunks, strict=True) for quote in e.quotes(chunk)]
        return Material(
            tuple(quotes),
            tuple(sentence for e in evidence for sentence in e.sentences),
            "\n".join((*map(_around, chunks), self.context.plan.question)),
            self.known_names,
            led=tuple(sentence for e in evidence for sentence in e.led),
        )

    def citations(self, evidence: Evidence, support: float) -> list[Citation]:
        """The places of the evidence as citations, one for each span."""
        chunk = self.passage(evidence.passage).chunk
        return [cite(chunk, span, evidence.passage, support) for span in evidence.spans]

    def has_only_longer(self, word: str) -> bool:
        """Whether the passages have words that begin with `word`, and never the word itself."""
        if not word:
            return False
        start = rf"\b{re.escape(word)}"
        texts = [p.chunk.text for p in self.context.passages]
        return any(re.search(rf"{start}\w", t, re.I) for t in texts) and not any(
            re.search(rf"{start}\b", t, re.I) for t in texts
        )

    @cached_property
    def known_names(self) -> frozenset[str]:
        """Stems of the words that are names in these passages."""
        return names_known(passage.chunk.text for passage in self.context.passages)

    def _weights(self, claim: str) -> dict[str, float]:
        terms = sorted(set(self.terms(claim)))
        found = dict.fromkeys(terms, 1.0)
        if self.collection is not None:
            found = self.collection.term_weights(terms, self._plan)
        light = light_words()
        return emphasised({t: LIGHT_SHARE * w if t in light else w for t, w in found.items()})

    @property
    def _plan(self) -> QueryPlan:
        return self.context.plan

    @cached_property
    def _asked(self) -> frozenset[str]:
        return frozenset(self.terms(self.context.plan.question))

    def _headings(self, number: int) -> frozenset[str]:
        return frozenset(self.terms(self.passage(number).chunk.heading))

    def _sentences(self, number: int) -> Sequence[ReadSentence]:
        chunk = self.passage(number).chunk
        if number not in self._read:
            found = (
                self.collection.sentences(chunk) if self.collection is not None else read(chunk, self.terms)
            )
            self._read[number] = found
        return self._read[number]

    @cached_property
    def _read(self) -> dict[int, Sequence[ReadSentence]]:
        return {}


def cite(chunk: Chunk, span: Span, marker: int, support: float) -> Citation:
    """A citation of a place in a chunk's document."""
    return Citation(
        marker,
        document_id=chunk.document_id,
        start=span.start,
        end=span.end,
        quote=span.shift(-chunk.span.start).of(chunk.text),
        chunk_id=chunk.id,
        support=round(max(0.0, min(1.0, support)), 4),
        uri=chunk.uri,
        page=chunk.page_at(span.start),
        heading=chunk.heading,
    )


def _around(chunk: Chunk) -> str:
    return f"{chunk.search_text}\n{chunk.uri or ''}"
