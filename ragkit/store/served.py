"""What every store on a server gives its collection in the same way, however it asks its server."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Generic, Protocol, TypeVar

from ragkit.arrays import HitBatch
from ragkit.protocols import DocumentState, Manifest, Scope, StoreCounts, Vectors
from ragkit.store.arguments import check_k
from ragkit.store.changes import checked_vectors
from ragkit.store_spec import StoreSpec
from ragkit.types import Document

V = TypeVar("V")
V_contra = TypeVar("V_contra", contravariant=True)
_MOST_HITS = 2**30


class Counted(Manifest, Protocol):
    """A record of documents that also counts them."""

    def counts(self) -> StoreCounts:
        """Counts at the current commit."""
        ...


class Arm(Protocol[V_contra]):
    """One way to search what a scope shows."""

    def search(self, view: V_contra, queries: Any, k: int, /) -> list[HitBatch]:
        """The `k` best chunks for each query."""
        ...


class ServedStore(Generic[V]):
    """Searches by vectors and by terms, and the record of documents. `V` is how a store sees a scope.

    >>> sorted(name for name in vars(ServedStore) if not name.startswith("_"))[:3]
    ['at_uri', 'counts', 'quarantined']
    """

    spec: StoreSpec
    _dense: Arm[V]
    _sparse: Arm[V]
    _manifest: Counted

    @abstractmethod
    def _viewing(self, scope: Scope) -> AbstractContextManager[V]:
        """What a scope shows, for the time of a block; it refuses a scope that does not fit."""

    def search(self, vectors: Vectors, k: int, scope: Scope) -> list[HitBatch]:
        """The `k` nearest chunks by cosine similarity for each row of `vectors` (`[q, d]`, unit length)."""
        check_k(k)
        checked_vectors(vectors, self.spec.dimension, "query vectors")
        return self._nearest(vectors, min(int(k), _MOST_HITS), scope)

    def _nearest(self, vectors: Vectors, k: int, scope: Scope) -> list[HitBatch]:
        """What `search` gives, its arguments checked; a store may have a shorter way."""
        with self._viewing(scope) as view:
            return self._dense.search(view, vectors, k)

    def search_terms(self, queries: Sequence[Sequence[str]], k: int, scope: Scope) -> list[HitBatch]:
        """The `k` best chunks by BM25 for each list of terms; only chunks that share a term are returned."""
        check_k(k)
        return self._matching(queries, min(int(k), _MOST_HITS), scope)

    def _matching(self, queries: Sequence[Sequence[str]], k: int, scope: Scope) -> list[HitBatch]:
        """What `search_terms` gives, its arguments checked; a store may have a shorter way."""
        with self._viewing(scope) as view:
            return self._sparse.search(view, queries, k)

    def state(self, tenant: str, document_id: str) -> DocumentState | None:
        """What is known of a document, or None."""
        return self._manifest.state(tenant, document_id)

    def states(self, tenant: str | None = None) -> Iterable[DocumentState]:
        """All documents of a tenant, or of all tenants, by tenant and id."""
        return self._manifest.states(tenant)

    def at_uri(self, tenant: str, uri: str) -> Iterable[DocumentState]:
        """The documents of a tenant that came from a place, by id."""
        return self._manifest.at_uri(tenant, uri)

    def quarantined(self) -> Iterable[DocumentState]:
        """The documents of all tenants that could not be ingested, by tenant and id."""
        return self._manifest.quarantined()

    def source(self, tenant: str, document_id: str, commit: int | None = None) -> Document | None:
        """A document as it was committed, with its canonical text; None when there is none."""
        return self._manifest.source(tenant, document_id, commit)

    def counts(self) -> StoreCounts:
        """Counts at the current commit."""
        return self._manifest.counts()
