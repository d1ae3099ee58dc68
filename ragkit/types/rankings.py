"""What is found: rankings of each retriever, one ranking of chunks, and the context made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from ragkit.types.documents import Chunk, Span
from ragkit.types.questions import Query, QueryPlan

if TYPE_CHECKING:
    from ragkit.arrays import HitBatch


@dataclass(frozen=True, slots=True)
class ArmRanking:
    """What one retriever found for one query: ids and scores, best first.

    `trust` in [0, 1] is the retriever's own word on how far it can judge this query (a dense retriever whose
    model does not know the query's language trusts itself little); fusion weighs by it. `floor` is what
    a chunk outside of `hits` is taken to score: the last returned score, which the next ones follow closely;
    0 where BM25 found fewer than it was asked for, so that all others share no word with the query.
    """

    query: Query
    retriever: str = field(kw_only=True)
    hits: HitBatch = field(kw_only=True)
    trust: float = field(default=1.0, kw_only=True)
    floor: float = field(default=0.0, kw_only=True)


@dataclass(frozen=True, slots=True)
class Rankings:
    """One ranking per query and retriever, not yet fused."""

    plan: QueryPlan
    arms: tuple[ArmRanking, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved chunk. `scores` keeps what each stage said of it, by the stage's name."""

    chunk: Chunk
    score: float
    scores: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}), kw_only=True)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Retrieved chunks, best first; equal scores stand in order of chunk id.

    `degraded` is set on what `RAG.retrieve` gives: it names each stage that failed and was skipped.
    """

    plan: QueryPlan
    hits: tuple[Hit, ...]
    degraded: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrieved chunk and what is kept of it: `keep` holds spans of the *document*, in order, disjoint."""

    hit: Hit
    keep: tuple[Span, ...]

    @property
    def chunk(self) -> Chunk:
        """The chunk this passage was taken from."""
        return self.hit.chunk

    def texts(self) -> tuple[str, ...]:
        """The kept texts, in order, one per span."""
        base = self.chunk.span.start
        return tuple(self.chunk.text[s.start - base : s.end - base] for s in self.keep)

    @property
    def text(self) -> str:
        """The kept texts, with ` … ` where something between them was left out."""
        return " … ".join(t.strip() for t in self.texts())


@dataclass(frozen=True, slots=True)
class Context:
    """The passages a generator may use and cite, best first unless a stage put them in another order."""

    plan: QueryPlan
    passages: tuple[Passage, ...]

    @classmethod
    def of(cls, ranking: Ranking) -> Context:
        """Every hit of a ranking, whole."""
        return cls(ranking.plan, tuple(Passage(hit, (hit.chunk.span,)) for hit in ranking.hits))
