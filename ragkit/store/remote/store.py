"""A store on a server without transactions, as the collection sees it; connectors say how it is opened."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import ClassVar, Generic, Protocol, Self, TypeVar

from ragkit.arrays import HitBatch
from ragkit.errors import StoreError
from ragkit.failpoints import reach
from ragkit.protocols import Analyzer, Change, RankerFactory, Scope, Vectors
from ragkit.store.abilities import Compaction, Holdings
from ragkit.store.bm25.formula import Bm25
from ragkit.store.bm25.own import own_formula
from ragkit.store.changes import check_changes
from ragkit.store.remote import chunks, head
from ragkit.store.remote.compact import compact, holdings, mark
from ragkit.store.remote.dense import DenseSearch
from ragkit.store.remote.holds import Holds
from ragkit.store.remote.lease import WriterLease
from ragkit.store.remote.manifest import RemoteManifest
from ragkit.store.remote.repair import repaired
from ragkit.store.remote.server import ProposingServer, RemoteServer
from ragkit.store.remote.sparse import SparseSearch
from ragkit.store.remote.verify import problems_of
from ragkit.store.remote.view import View, viewing
from ragkit.store.remote.write import write_commit
from ragkit.store.served import ServedStore
from ragkit.store_spec import StoreSpec
from ragkit.types import Chunk

ServerT = TypeVar("ServerT", bound=RemoteServer)


class TermSearch(Protocol):
    """Finds chunks by their words, with exact scores."""

    def search(self, view: View, queries: Sequence[Sequence[str]], k: int) -> list[HitBatch]:
        """The `k` best chunks for each list of terms; score descending, then chunk id."""
        ...


class RemoteStore(ServedStore[View], ABC, Generic[ServerT]):
    """All that a store does once its connector has a server that holds an index.

    A connector gives it settings, `make_server`, `prepared`, `compared_below` and `capabilities`; see
    `ragkit_connectors.qdrant`.

    >>> RemoteStore.format_version
    1
    """

    use: ClassVar[str]
    format_version = head.FORMAT_VERSION

    # --- what a connector says --------------------------------------------------------------------

    @abstractmethod
    def make_server(self) -> ServerT:
        """What all calls go through."""

    @abstractmethod
    def prepared(self, server: ServerT, spec: StoreSpec | None, *, create: bool) -> StoreSpec:
        """Looks at the server and the index, and makes the index where there is none and one may be made.

        Returns:
            What the index is for.

        Raises:
            ConfigError, StoreError: see `open`.
        """

    @abstractmethod
    def compared_below(self, server: ServerT) -> int | None:
        """Up to how many chunks that may be seen all are compared; None where that is always so."""

    def term_search(self, server: ServerT, formula: Bm25) -> TermSearch:
        """What finds chunks by their words: the server proposes them, unless a connector knows better."""
        assert isinstance(server, ProposingServer), f"{self.use} has no search by words"
        return SparseSearch(server, formula)

    # --- opening ----------------------------------------------------------------------------------

    def open(
        self,
        spec: StoreSpec | None = None,
        *,
        create: bool = True,
        bm25: RankerFactory | None = None,
        analyzer: Analyzer | None = None,
    ) -> Self:
        """Connects, and makes the index where there is none.

        Args:
            spec: what the index is for; None opens an existing one as it was made.
            create: whether a place without the index may get one.
            bm25: our own BM25 with its parameters; with the default ones if None.
            analyzer: not used.

        Raises:
            ConfigError: the index was made with something else, or a setting does not fit.
            StoreError: the place cannot be reached or used, what lies there is damaged or was made by
                something else, or there is no index and none may be made.
        """
        formula = own_formula(bm25, self.use)
        server = self.make_server()
        try:
            self.spec = self.prepared(server, spec, create=create)
        except BaseException:
            server.close()
            raise
        self._server = server
        self.where = server.where
        self._lease = WriterLease(server)
        self._holds = Holds(server)
        self._manifest = RemoteManifest(server)
        self._dense = DenseSearch(server, self.spec.dimension, self.compared_below(server))
        self._sparse = self.term_search(server, formula)
        return self

    # --- what a collection asks -------------------------------------------------------------------

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
                current = head.read(self._server)
                if current.number == number:
                    self._holds.keep(current)
                    yield number
                    return

    def fetch(self, ids: Sequence[str], scope: Scope) -> list[Chunk | None]:
        """The chunks with these ids, in this order; None for one that the scope does not show."""
        with self._viewing(scope) as view:
            return chunks.fetch(view, ids)

    def vectors(self, ids: Sequence[str], scope: Scope) -> Vectors:
        """The stored vectors of these chunks, shape `[n, d]`; zeros for one that the scope hides."""
        with self._viewing(scope) as view:
            return chunks.vectors(view, ids, self.spec.dimension)

    def readings(self, ids: Sequence[str], scope: Scope) -> list[bytes | None]:
        """What a reranker read in these chunks; None where nothing is kept, or the scope hides it."""
        with self._viewing(scope) as view:
            return chunks.readings(view, ids)

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

    def _viewing(self, scope: Scope) -> AbstractContextManager[View]:
        return viewing(self._server, self.spec, scope, self._holds.head_of)

    # --- upkeep -----------------------------------------------------------------------------------

    @property
    def erases_files(self) -> bool:
        """Whether what is erased has left the files too. On a server, when it does is up to the server."""
        return False

    def holdings(self) -> Holdings:
        """What is kept, and how much of it the current commit does not show. A server does not tell bytes."""
        return holdings(self._server, erases_files=self.erases_files)

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
            return compact(self._server, self._lease, self._holds, self.purge, wait_s=wait_s)

    def erase(self, changes: Sequence[Change], *, wait_s: float = 30.0) -> Compaction:
        """Commits removals, then deletes what they removed.

        If the process dies in between, the next compaction, which the next ingestion makes, ends the work.
        """
        with self._lease:
            mark(self._server, self._lease)
            reach("forget.marked")
            self.commit(changes)
            reach("forget.removed")
            return compact(self._server, self._lease, self._holds, self.purge, wait_s=wait_s)

    def purge(self) -> None:
        """Lets bytes of what was to be erased go, where that is this side's work."""

    def verify(self) -> list[str]:
        """One line per problem of the current commit, with its remedy; reads all of it."""
        return problems_of(self._server, self.spec)

    def repair(self, embed: Callable[[Sequence[str]], Vectors] | None = None) -> list[str]:
        """Settles what an unfinished commit left, and makes damaged vectors and words of filters anew.

        Args:
            embed: gives unit vectors for passages, shape `[n, d]`; without, damaged chunks stay as they are.

        Raises:
            StoreError: the server refuses, or another process is writing.
            ModelError: the embedder fails.
        """
        with self._lease:
            return repaired(self._server, self._lease, self.spec, embed)

    def close(self) -> None:
        """Closes the client. A closed store refuses further calls."""
        if not hasattr(self, "_server"):
            raise StoreError(f"{self.use}: this store was not opened")
        self._holds.close()
        self._server.close()
