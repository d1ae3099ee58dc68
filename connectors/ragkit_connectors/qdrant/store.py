"""`store/qdrant`: two collections of a Qdrant server as the collection sees them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ragkit.arrays import HitBatch
from ragkit.errors import StoreError
from ragkit.failpoints import reach
from ragkit.protocols import (
    Analyzer,
    Capabilities,
    Change,
    DocumentState,
    RankerFactory,
    Scope,
    StoreCounts,
    Vectors,
)
from ragkit.store.abilities import Compaction, Engine, Holdings
from ragkit.store.arguments import check_k
from ragkit.store.bm25.own import own_formula
from ragkit.store.changes import check_changes, checked_vectors
from ragkit.store_spec import StoreSpec
from ragkit.types import Chunk, Document
from ragkit_connectors.qdrant import chunks, head
from ragkit_connectors.qdrant.compact import compact, holdings, mark
from ragkit_connectors.qdrant.dense import DenseSearch
from ragkit_connectors.qdrant.filters import PUSHED_DOWN
from ragkit_connectors.qdrant.holds import Holds
from ragkit_connectors.qdrant.lease import WriterLease
from ragkit_connectors.qdrant.manifest import QdrantManifest
from ragkit_connectors.qdrant.opening import opened
from ragkit_connectors.qdrant.scratch import engine_of, scratch_place
from ragkit_connectors.qdrant.server import Server, connect
from ragkit_connectors.qdrant.settings import QdrantSettings
from ragkit_connectors.qdrant.sparse import SparseSearch
from ragkit_connectors.qdrant.view import viewing
from ragkit_connectors.qdrant.write import write_commit

_MOST_HITS = 2**30


class QdrantStore:
    """An index on a Qdrant server: many readers, one writer, on any number of machines.

    Made with its settings, usable once opened:

        store = QdrantStore(url="http://localhost:6333", collection="support")
        store.open(StoreSpec("mini", embedder_fingerprint="v1", dimension=384, fields=fields))
    """

    use = "store/qdrant"
    format_version = head.FORMAT_VERSION
    Config = QdrantSettings

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked(self.use, settings)

    def make_client(self) -> Any:
        """The client that all calls go through."""
        return connect(self.config)

    def open(
        self,
        spec: StoreSpec | None = None,
        *,
        create: bool = True,
        bm25: RankerFactory | None = None,
        analyzer: Analyzer | None = None,
    ) -> QdrantStore:
        """Connects, and makes the collections where there are none.

        Args:
            spec: what the index is for; None opens an existing one as it was made.
            create: whether a server without the index may get one.
            bm25: our own BM25 with its parameters; with the default ones if None.
            analyzer: not used.

        Raises:
            ConfigError: the index was made with something else, or a setting does not fit.
            StoreError: the server cannot be reached or is too old, the collections were made by something
                else, or there is no index and none may be made.
        """
        formula = own_formula(bm25, self.use)
        server = Server(self.config, self.make_client())
        try:
            self.spec = opened(server, spec, create=create)
        except BaseException:
            server.close()
            raise
        self._server = server
        self.where = server.where
        self._lease = WriterLease(server)
        self._holds = Holds(server)
        self._manifest = QdrantManifest(server)
        self._dense = DenseSearch(self.config, self.spec.dimension)
        self._sparse = SparseSearch(formula)
        return self

    # --- what a collection asks -------------------------------------------------------------------

    @property
    def capabilities(self) -> Capabilities:
        """BM25, and exact search in local mode and on a server where few chunks may be seen.

        Of the other operators of filters the server is told a bound, and the rest is judged here.
        """
        return Capabilities(self.use, filters=PUSHED_DOWN, exact_dense=self.config.is_local, sparse=True)

    def engine(self) -> Engine:
        """Qdrant as the server says, or the client's local mode, which stands in for it."""
        return engine_of(self._server)

    def scratch(self, name: str) -> AbstractContextManager[QdrantStore]:
        """A store with collections of its own on the same server, which are deleted when the block ends."""
        return scratch_place(self.config, name, lambda own: type(self)(**own.as_keywords()))

    def head(self) -> int:
        """The current commit: what a new reader pins. 0 means nothing was ever committed."""
        return head.read(self._server).number

    @contextmanager
    def hold(self) -> Iterator[int]:
        """The current commit, which is kept for the time of the block, ten minutes at most."""
        while True:
            number = self.head()
            with self._holds.hold(number):
                # A commit between the two lines may have been followed by a compaction that did not see us.
                if self.head() == number:
                    yield number
                    return

    def search(self, vectors: Vectors, k: int, scope: Scope) -> list[HitBatch]:
        """The `k` nearest chunks by cosine similarity for each row of `vectors` (`[q, d]`, unit length)."""
        check_k(k)
        checked_vectors(vectors, self.spec.dimension, "query vectors")
        with viewing(self._server, self.spec, scope) as view:
            return self._dense.search(view, vectors, min(int(k), _MOST_HITS))

    def search_terms(self, queries: Sequence[Sequence[str]], k: int, scope: Scope) -> list[HitBatch]:
        """The `k` best chunks by BM25 for each list of terms; only chunks that share a term are returned."""
        check_k(k)
        with viewing(self._server, self.spec, scope) as view:
            return self._sparse.search(view, queries, min(int(k), _MOST_HITS))

    def fetch(self, ids: Sequence[str], scope: Scope) -> list[Chunk | None]:
        """The chunks with these ids, in this order; None for one that the scope does not show."""
        with viewing(self._server, self.spec, scope) as view:
            return chunks.fetch(view, ids)

    def vectors(self, ids: Sequence[str], scope: Scope) -> Vectors:
        """The stored vectors of these chunks, shape `[n, d]`; zeros for one that the scope hides."""
        with viewing(self._server, self.spec, scope) as view:
            return chunks.vectors(view, ids, self.spec.dimension)

    def commit(self, changes: Iterable[Change]) -> int:
        """Writes all changes as one commit and returns its number: readers see all of it or none.

        A document replaces the one of the same tenant and id. A change without document removes it, unless
        its state is `quarantined`: then the state is noted and the content stays as it was. Numbers of
        commits that failed are not used again.

        Raises:
            StoreError: a change is inconsistent, another process is writing, or the server refuses.
        """
        items = list(changes)
        check_changes(items, self.spec.dimension)
        reach("commit.checked")
        if not items:
            return self.head()
        with self._lease:
            return write_commit(self._server, self._lease, items)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the right to write over several commits; other writers are refused meanwhile.

        It ends `lease_s` after the last step of the last commit: another writer may then take over, and the
        next commit here is refused.
        """
        with self._lease:
            yield

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

    def source(self, tenant: str, document_id: str) -> Document | None:
        """A document as it was committed, with its canonical text; None when there is none."""
        return self._manifest.source(tenant, document_id)

    def counts(self) -> StoreCounts:
        """Counts at the current commit."""
        return self._manifest.counts()

    # --- upkeep -----------------------------------------------------------------------------------

    def holdings(self) -> Holdings:
        """What is kept, and how much of it the current commit does not show. A server does not tell bytes."""
        return holdings(self._server)

    def compact(self, *, wait_s: float = 0.0) -> Compaction:
        """Deletes what no reader can see any more.

        `erased` says that the server knows nothing of it any more. When the bytes leave its files is up to
        the server (its vacuum optimizer, its write-ahead log), and so are its snapshots and replicas.

        Args:
            wait_s: how long to wait for readers of older commits.

        Raises:
            StoreError: another process is writing, or the server refuses.
        """
        with self._lease:
            return compact(self._server, self._lease, self._holds, wait_s=wait_s)

    def erase(self, changes: Sequence[Change], *, wait_s: float = 30.0) -> Compaction:
        """Commits removals, then deletes what they removed.

        If the process dies in between, the next compaction, which the next ingestion makes, ends the work.
        """
        with self._lease:
            mark(self._server, self._lease)
            reach("forget.marked")
            self.commit(changes)
            reach("forget.removed")
            return compact(self._server, self._lease, self._holds, wait_s=wait_s)

    def close(self) -> None:
        """Closes the client. A closed store refuses further calls."""
        if not hasattr(self, "_server"):
            raise StoreError("store/qdrant: this store was not opened")
        self._holds.close()
        self._server.close()
