"""What a component must offer to take part. Layers above talk to these, never to a class of ours.

Store and model calls are plain functions: the graph's runner puts them on worker threads, ingestion and
16 threads of a server call them directly, and a third party writes one of them in one file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ragkit.arrays import HitBatch, Ids
from ragkit.chat import ChatModel as ChatModel
from ragkit.fields import FieldSpec as FieldSpec
from ragkit.fields import FieldType as FieldType
from ragkit.filters import Filter
from ragkit.types import Chunk, Document, QueryPlan, ReadSentence, Span

Vectors = NDArray[np.float32]
TextKind = Literal["query", "passage"]


# --- models ---------------------------------------------------------------------------------------


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into unit vectors. A text's vector does not depend on what it is embedded with."""

    @property
    def name(self) -> str:
        """The model's name, for people."""
        ...

    @property
    def fingerprint(self) -> str:
        """Identifies the vector space: vectors of two fingerprints must never be compared."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    @property
    def max_tokens(self) -> int:
        """Texts are cut after this many tokens."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes that the model was trained on; empty means any language."""
        ...

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        """Unit vectors, shape `[n, d]`, float32, in the order of `texts`.

        Raises:
            ModelError: the model gave NaN or infinity.
        """
        ...


@runtime_checkable
class Reranker(Protocol):
    """Scores how well each text answers a query, reading both together."""

    @property
    def name(self) -> str:
        """The model's name, for people."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes that the model was trained on; empty means any language."""
        ...

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        """One score per text, shape `[n]`, float32, higher is better, whatever the other texts are."""
        ...


@runtime_checkable
class BlendingReranker(Reranker, Protocol):
    """A reranker whose maker found how its scores are weighed against the order before reranking."""

    @property
    def blend(self) -> Mapping[str, Any] | None:
        """The weights, as `ragkit.rerank.blend.Blend` has them; None where its maker found none."""
        ...


# --- ingestion ------------------------------------------------------------------------------------


@runtime_checkable
class Chunker(Protocol):
    """Cuts a document into passages."""

    @property
    def fingerprint(self) -> str:
        """Identifies the way of cutting: another fingerprint means another set of chunks."""
        ...

    def split(self, document: Document) -> list[Span]:
        """Spans of the document's text in reading order. Together they cover every non-blank character."""
        ...


@runtime_checkable
class Analyzer(Protocol):
    """Turns a text into the terms that BM25 counts; queries and passages go through the same one."""

    @property
    def fingerprint(self) -> str:
        """Identifies the analysis: terms of two fingerprints must never be mixed in an index."""
        ...

    def terms(self, text: str) -> list[str]:
        """The terms of a text in order, repeats included."""
        ...


# --- stores ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scope:
    """What a read may see. Every store applies all of it; the collection rechecks the tenant of every hit.

    Args:
        tenant: the tenant, or None where the collection has none.
        acl: the reader's groups; None means the collection declares no acl.
        filter: the caller's filter over declared fields.
        commit: the commit the reader has pinned: a chunk is visible when `from_commit <= commit < to_commit`.
    """

    tenant: str | None = None
    acl: tuple[str, ...] | None = None
    filter: Filter | None = None
    commit: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A chunk as it is written: with its vector (shape `[d]`) and its analysed terms, repeats included."""

    chunk: Chunk
    vector: Vectors
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DocumentState:
    """What the manifest knows of one source document of a tenant.

    `content_hash` is of the canonical text and metadata, `fingerprint` of the pipeline that indexed it:
    both the same means there is nothing to do. `origin` is the folder that its file was found below, as an
    absolute path; None for a document made in code.
    """

    document_id: str
    tenant: str = field(kw_only=True)
    uri: str | None = field(kw_only=True)
    content_hash: str = field(kw_only=True)
    fingerprint: str = field(kw_only=True)
    state: Literal["committed", "quarantined"] = field(kw_only=True)
    stage: str | None = field(default=None, kw_only=True)
    reason: str | None = field(default=None, kw_only=True)
    n_chunks: int = field(default=0, kw_only=True)
    origin: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Change:
    """One document's part of a commit: its new content, or its removal when `document` is None."""

    state: DocumentState
    document: Document | None = field(default=None, kw_only=True)
    records: tuple[Record, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """What a store holds at its current commit."""

    documents: int
    chunks: int
    tenants: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a store does by itself; the collection does the rest client-side until k is full."""

    name: str
    filters: frozenset[str] = field(kw_only=True)
    exact_dense: bool = field(kw_only=True)
    sparse: bool = field(kw_only=True)
    fast: bool = field(default=False, kw_only=True)


@runtime_checkable
class VectorStore(Protocol):
    """Holds chunks with their vectors, in commits. See `ragkit.testing` for the checks it must pass."""

    @property
    def capabilities(self) -> Capabilities:
        """What this store does by itself."""
        ...

    def head(self) -> int:
        """The current commit: what a new reader pins. 0 means nothing was ever committed."""
        ...

    def search(self, vectors: Vectors, k: int, scope: Scope) -> list[HitBatch]:
        """The `k` nearest chunks by cosine similarity for each row of `vectors` (`[q, d]`, unit length).

        Scores are cosine similarities in [-1, 1]; order is score descending, then chunk id.
        Fewer than `k` only where fewer are visible.
        """
        ...

    def fetch(self, ids: Sequence[str], scope: Scope) -> list[Chunk | None]:
        """The chunks with these ids, in this order; None for one that the scope does not show."""
        ...

    def vectors(self, ids: Sequence[str], scope: Scope) -> Vectors:
        """The stored vectors of these chunks, shape `[n, d]`; zeros for one that the scope hides."""
        ...

    def commit(self, changes: Iterable[Change]) -> int:
        """Writes all changes as one commit and returns its number: readers see all of it or none.

        A document in `changes` replaces the one of the same tenant and id.
        """
        ...

    def counts(self) -> StoreCounts:
        """Counts at the current commit."""
        ...

    def close(self) -> None:
        """Releases files and connections. A closed store refuses further calls."""
        ...


@runtime_checkable
class SparseIndex(Protocol):
    """Ranks by BM25 over analysed terms, with statistics of the tenant's visible chunks."""

    def search_terms(self, queries: Sequence[Sequence[str]], k: int, scope: Scope) -> list[HitBatch]:
        """The `k` best chunks for each list of terms; only chunks that share a term are returned.

        Each batch's `ceiling` is the sum of the query terms' idf, a repeated term counted each time.
        """
        ...


@runtime_checkable
class DenseIndex(Protocol):
    """Nearest neighbours over the rows of a matrix; derived from the manifest, always rebuildable.

    A value: `over` gives another one, so that searches go on undisturbed while an index grows.
    """

    @property
    def is_exact(self) -> bool:
        """Whether `search` never misses a neighbour."""
        ...

    def over(self, matrix: Vectors, ids: Ids) -> DenseIndex:
        """This index over a matrix (`[n, d]`, unit rows) that begins with the rows it already covers."""
        ...

    def search(
        self, vectors: Vectors, k: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], Vectors]:
        """Rows and cosine similarities, each `[q, k]`, best first, ties by id; row −1 where fewer exist.

        `allowed` has one flag per row; None means all rows.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class IndexPart:
    """What was built over `n_rows` rows from `first_row`, as bytes.

    Args:
        first_row: where it begins.
        n_rows: how many rows it covers.
        write: hands all its bytes, in order, to the function it is given, whose errors pass through. Searches
            may go on meanwhile.
        path: the file it was opened from, or None.
    """

    first_row: int
    n_rows: int
    write: Callable[[Callable[[bytes], object]], None] = field(kw_only=True)
    path: Path | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class IndexFile:
    """A file that holds the bytes of an `IndexPart`; they are known to be those that were written."""

    first_row: int
    n_rows: int
    path: Path = field(kw_only=True)


@runtime_checkable
class PersistentIndex(DenseIndex, Protocol):
    """A dense index that takes long to build, so that a store keeps files of it beside the vectors."""

    @property
    def fingerprint(self) -> str:
        """Identifies how it is built and written: files of another one are not opened. Empty: keep none."""
        ...

    def parts(self) -> Sequence[IndexPart]:
        """The parts that are worth a file, which join on to one another from row 0 on."""
        ...

    def restored(self, matrix: Vectors, ids: Ids, files: Sequence[IndexFile]) -> DenseIndex:
        """This index over a matrix, as `over` gives it; what the files hold is opened instead of built.

        The files join on to one another from row 0 on, have this fingerprint and hold rows of this matrix.
        One that cannot be used all the same is left out.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class TermRows:
    """A term's rows, ascending, and how often it occurs in each; both int32, shape `[df]`."""

    rows: NDArray[np.int32]
    counts: NDArray[np.int32]


class TermPostings(Protocol):
    """An inverted index over consecutive rows: what a ranker reads."""

    @property
    def first_row(self) -> int:
        """The row that `TermRows` count from."""
        ...

    @property
    def lengths(self) -> NDArray[np.int32]:
        """How many terms each row has, repeats included."""
        ...

    def of_term(self, term: str) -> TermRows:
        """Where a term occurs; nowhere if it is unknown."""
        ...

    def items(self) -> Iterator[tuple[str, TermRows]]:
        """All terms with the rows that hold them."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RowScores:
    """Rows and their scores, in any order: every row with a share in the first k is among them.

    `ceiling` is what a perfect match would score: the sum of the terms' idf, repeats counted.
    """

    rows: NDArray[np.intp]
    scores: Vectors
    ceiling: float


class TermRanker(Protocol):
    """Ranks one tenant's rows at one commit by their terms."""

    def search(self, terms: Sequence[str], k: int, allowed: NDArray[np.bool_] | None) -> RowScores:
        """Every row that may be among the `k` best of `allowed` (all rows, if None), with its score.

        Only rows that hold one of the terms.
        """
        ...


@runtime_checkable
class RankerFactory(Protocol):
    """Makes rankers: what `bm25: {use: …}` names."""

    def over(self, segments: Sequence[TermPostings], live: NDArray[np.bool_] | None) -> TermRanker:
        """A ranker over the segments' rows, of which `live` (all, if None) are the population."""
        ...


@runtime_checkable
class Manifest(Protocol):
    """The record of every source document, and the only truth about what an index holds."""

    def state(self, tenant: str, document_id: str) -> DocumentState | None:
        """What is known of a document, or None."""
        ...

    def states(self, tenant: str | None = None) -> Iterable[DocumentState]:
        """All documents of a tenant, or of all tenants, by tenant and id."""
        ...

    def at_uri(self, tenant: str, uri: str) -> Iterable[DocumentState]:
        """The documents of a tenant that came from a place, by id."""
        ...

    def quarantined(self) -> Iterable[DocumentState]:
        """The documents of all tenants that could not be ingested, by tenant and id."""
        ...

    def source(self, tenant: str, document_id: str) -> Document | None:
        """A document as it was committed, with its canonical text; None when there is none."""
        ...


# --- what stages see ------------------------------------------------------------------------------


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

    def vectors(self, ids: Sequence[str], plan: QueryPlan) -> Vectors:
        """The stored vectors of these chunks, shape `[n, d]`; zeros for one that the plan may not see."""
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
