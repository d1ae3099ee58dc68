"""What a store must offer, and the values that go into it and come out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from ragkit.arrays import HitBatch
from ragkit.filters import Filter
from ragkit.protocols.models import Vectors
from ragkit.types import Chunk, Document


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
    """A chunk as it is written: with its vector (shape `[d]`) and its analysed terms, repeats included.

    `reading` is what a reranker read in it, see `PassageReader`; empty where none did. A store may keep it.
    """

    chunk: Chunk
    vector: Vectors
    terms: tuple[str, ...]
    reading: bytes = b""


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

    def source(self, tenant: str, document_id: str, commit: int | None = None) -> Document | None:
        """A document as it was committed, with its canonical text; None when there is none.

        Args:
            commit: as it stood then, where that commit is still kept; None for the current one.
        """
        ...
