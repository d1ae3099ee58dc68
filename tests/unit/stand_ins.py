"""Resources for stages under test: a collection whose model knows no language, so that words alone decide."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.arrays import HitBatch
from ragkit.errors import ConfigError
from ragkit.protocols import Embedder, Reranker, Vectors
from ragkit.types import Chunk, QueryPlan


class WordsOnly:
    """`Resources` and `Collection` in one, for stages that only ask what the embedder knows."""

    is_fast = True

    @property
    def collection(self) -> WordsOnly:
        return self

    @property
    def embedder(self) -> Embedder:
        raise ConfigError("this collection has no embedder")

    def reranker(self, ref: object) -> Reranker:
        assert isinstance(ref, Reranker)
        return ref

    def knows(self, text: str) -> bool:
        return False

    def dense(
        self, texts: Sequence[str], k: int, plan: QueryPlan, vectors: Vectors | None = None
    ) -> list[HitBatch]:
        return [HitBatch.empty() for _ in texts]

    def bm25(self, texts: Sequence[str], k: int, plan: QueryPlan) -> list[HitBatch]:
        return [HitBatch.empty() for _ in texts]

    def fetch(self, ids: Sequence[str], plan: QueryPlan) -> list[Chunk | None]:
        return [None for _ in ids]

    def vectors(self, ids: Sequence[str], plan: QueryPlan) -> Vectors:
        raise ConfigError("this collection has no vectors")
