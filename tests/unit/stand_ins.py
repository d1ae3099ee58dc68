"""Resources for stages under test: a collection whose model knows no language, so that words alone decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ragkit.arrays import HitBatch
from ragkit.errors import ConfigError
from ragkit.fields import FieldSpec
from ragkit.protocols import ChatModel, Embedder, Reranker, Surroundings, TextKind, Vectors
from ragkit.text.analyze import Analyzer
from ragkit.text.reading import read
from ragkit.types import Chunk, QueryPlan, ReadSentence


class Wordless:
    """A collection that holds nothing and whose embedder knows no language."""

    is_fast = True
    fields: Mapping[str, FieldSpec] = MappingProxyType({})

    @property
    def embedder(self) -> Embedder:
        raise ConfigError("this collection has no embedder")

    def knows(self, text: str) -> bool:
        return False

    def terms(self, text: str) -> list[str]:
        return Analyzer().terms(text)

    def term_weights(self, terms: Sequence[str], plan: QueryPlan) -> dict[str, float]:
        return dict.fromkeys(terms, 1.0)

    def sentences(self, chunk: Chunk) -> tuple[ReadSentence, ...]:
        return read(chunk, self.terms)

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        raise ConfigError("this collection has no embedder")

    def dense(
        self, texts: Sequence[str], k: int, plan: QueryPlan, vectors: Vectors | None = None
    ) -> list[HitBatch]:
        return [HitBatch.empty() for _ in texts]

    def bm25(self, texts: Sequence[str], k: int, plan: QueryPlan) -> list[HitBatch]:
        return [HitBatch.empty() for _ in texts]

    def fetch(self, ids: Sequence[str], plan: QueryPlan) -> list[Chunk | None]:
        return [None for _ in ids]

    def around(self, chunks: Sequence[Chunk], plan: QueryPlan) -> list[Surroundings | None]:
        return [None for _ in chunks]

    def vectors(self, ids: Sequence[str], plan: QueryPlan) -> Vectors:
        raise ConfigError("this collection has no vectors")

    def readings(self, ids: Sequence[str], plan: QueryPlan) -> list[bytes | None]:
        return [None for _ in ids]


class WordsOnly:
    """What a graph would be set up with, over such a collection."""

    @property
    def collection(self) -> Wordless:
        return Wordless()

    def embedder(self, ref: object) -> Embedder:
        assert isinstance(ref, Embedder)
        return ref

    def reranker(self, ref: object) -> Reranker:
        assert isinstance(ref, Reranker)
        return ref

    def chat_model(self, ref: object) -> ChatModel:
        assert isinstance(ref, ChatModel)
        return ref
