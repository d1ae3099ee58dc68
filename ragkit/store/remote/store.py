"""A store on a server without transactions, as the collection sees it; connectors say how it is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import ClassVar

from ragkit.errors import StoreError
from ragkit.failpoints import reach
from ragkit.protocols import Change, Scope, Vectors
from ragkit.store.abilities import Compaction, Holdings
from ragkit.store.bm25.formula import Bm25
from ragkit.store.changes import check_changes
from ragkit.store.remote import chunks, head
from ragkit.store.remote.compact import compact, holdings, mark
from ragkit.store.remote.dense import DenseSearch
from ragkit.store.remote.holds import Holds
from ragkit.store.remote.lease import WriterLease
from ragkit.store.remote.manifest import RemoteManifest
from ragkit.store.remote.repair import repaired
from ragkit.store.remote.server import RemoteServer
from ragkit.store.remote.sparse import SparseSearch
from ragkit.store.remote.verify import problems_of
from ragkit.store.remote.view import View, viewing
from ragkit.store.remote.write import write_commit
from ragkit.store.served import ServedStore
from ragkit.store_spec import StoreSpec
from ragkit.types import Chunk


class RemoteStore(ServedStore[View]):
    """All that a store does once its connector has a server that holds an index.

    A connector gives it settings, `open` and `capabilities`; see `ragkit_connectors.qdrant`.

    >>> RemoteStore.format_version
    1
    """

    use: ClassVar[str]
    format_version = head.FORMAT_VERSION

    def serve(self, server: RemoteServer, spec: StoreSpec, formula: Bm25, *, exact_below: int | None) -> None:
        """Takes a server that holds an index for a spec. See `DenseSearch` for `exact_below`."""
        self.spec = spec
        self._server = server
        self.where = server.where
        self._lease = WriterLease(server)
        self._holds = Holds(server)
        self._manifest = RemoteManifest(server)
        self._dense = DenseSearch(server, spec.dimension, exact_below)
        self._sparse = SparseSearch(server, formula)

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
