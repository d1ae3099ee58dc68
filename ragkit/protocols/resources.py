"""What the stages of a graph see: a collection, and what else they are built with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ragkit.arrays import HitBatch
from ragkit.chat import ChatModel
from ragkit.fields import FieldSpec
from ragkit.protocols.models import Embedder, Reranker, TextKind, Vectors
from ragkit.types import Chunk, Document, QueryPlan, ReadSentence, Span


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What lies around a chunk.

    >>> Surroundings(Document("a", "One. Two."), Span(0, 9)).shown.end
    9

    Args:
        document: that it was cut from, as it stood when the chunk was found.
        shown: what of the document's text the reader may see, which holds the chunk.
    """

    document: Document
    shown: Span


@runtime_checkable
class Collection(Protocol):
    """A logical index as the stages of a graph see it; which store lies beneath is not their concern.

    Every read applies the plan's tenant, acl, filter and pinned commit.
    """

    @property
    def embedder(self) -> Embedder:
        """The model whose vectors the collection holds."""
        ...

    @property
    def fields(self) -> Mapping[str, FieldSpec]:
        """The declared metadata fields by name: what a filter may be over."""
        ...

    @property
    def is_fast(self) -> bool:
        """Searches take well under a millisecond, so that a thread hop would cost more than the search."""
        ...

    def knows(self, text: str) -> bool:
        """Whether the embedder covers the language of `text`; where it does not, its ranking is noise."""
        ...

    def terms(self, text: str) -> list[str]:
        """The text's words as BM25 indexes them: stemmed, without stop words, repeats included."""
        ...

    def term_weights(self, terms: Sequence[str], plan: QueryPlan) -> dict[str, float]:
        """Each term's idf among the chunks that BM25 counts for this plan; highest where none holds it."""
        ...

    def sentences(self, chunk: Chunk) -> tuple[ReadSentence, ...]:
        """The chunk's sentences with their analysed words; those of recent chunks are remembered."""
        ...

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """The embedder's vectors, shape `[n, d]`; those of recent texts are remembered."""
        ...

    def dense(
        self, texts: Sequence[str], k: int, plan: QueryPlan, vectors: Vectors | None = None
    ) -> list[HitBatch]:
        """The nearest chunks for each text; `vectors` (shape `[q, d]`) spares the embedding."""
        ...

    def bm25(self, texts: Sequence[str], k: int, plan: QueryPlan) -> list[HitBatch]:
        """The best chunks by BM25 for each text."""
        ...

    def fetch(self, ids: Sequence[str], plan: QueryPlan) -> list[Chunk | None]:
        """The chunks with these ids, in this order; None for one that the plan may not see."""
        ...

    def around(self, chunks: Sequence[Chunk], plan: QueryPlan) -> list[Surroundings | None]:
        """What lies around each chunk that the plan found, at its commit; None where that cannot be said.

        A passage may grow into what is shown: the plan may see all of it.
        """
        ...

    def vectors(self, ids: Sequence[str], plan: QueryPlan) -> Vectors:
        """The stored vectors of these chunks, shape `[n, d]`; zeros for one that the plan may not see."""
        ...

    def readings(self, ids: Sequence[str], plan: QueryPlan) -> list[bytes | None]:
        """What a `PassageReader` read in these chunks; None where nothing is kept or may be seen."""
        ...


class Resources(Protocol):
    """What a graph is built with: the models, the collection and the other nodes, by name or as objects."""

    @property
    def collection(self) -> Collection:
        """The collection that the graph talks to."""
        ...

    def embedder(self, ref: object) -> Embedder:
        """The embedder that `ref` names, or `ref` itself when it is one."""
        ...

    def reranker(self, ref: object) -> Reranker:
        """The reranker that `ref` names, or `ref` itself when it is one."""
        ...

    def chat_model(self, ref: object) -> ChatModel:
        """The chat model that `ref` names, or `ref` itself when it is one."""
        ...
