"""`store/pgvector`: a PostgreSQL database as the collection sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ragkit.arrays import HitBatch
from ragkit.errors import StoreError
from ragkit.failpoints import reach
from ragkit.filters import OPERATORS
from ragkit.protocols import (
    Analyzer,
    Capabilities,
    Change,
    RankerFactory,
    Scope,
    Vectors,
)
from ragkit.store.abilities import Compaction, Engine, Holdings
from ragkit.store.served import ServedStore
from ragkit.store_spec import StoreSpec
from ragkit.types import Chunk
from ragkit_connectors.pgvector import approximate, chunks, schema
from ragkit_connectors.pgvector.compact import compact, holdings, mark
from ragkit_connectors.pgvector.database import Database
from ragkit_connectors.pgvector.dense import DenseSearch
from ragkit_connectors.pgvector.leases import Leases
from ragkit_connectors.pgvector.manifest import PgManifest
from ragkit_connectors.pgvector.once import asking, once
from ragkit_connectors.pgvector.opening import bm25_of, opened
from ragkit_connectors.pgvector.repair import repaired
from ragkit_connectors.pgvector.scratch import engine_of, scratch_schema
from ragkit_connectors.pgvector.session import without_limit
from ragkit_connectors.pgvector.settings import PgSettings
from ragkit_connectors.pgvector.sparse import SparseSearch
from ragkit_connectors.pgvector.verify import problems_of
from ragkit_connectors.pgvector.view import View, viewing
from ragkit_connectors.pgvector.write import checked, write_commit
from ragkit_connectors.pgvector.writer_lock import WriterLock

Embed = Callable[[Sequence[str]], Vectors]


class PgvectorStore(ServedStore[View]):
    """An index in one schema of a PostgreSQL database: many readers, one writer, on any number of machines.

    Made with its settings, usable once opened:

        store = PgvectorStore(dsn="postgresql://rag@localhost/rag", tenancy="rls")
        store.open(StoreSpec("mini", embedder_fingerprint="v1", dimension=384, fields=fields))
    """

    use = "store/pgvector"
    _dense: DenseSearch
    _sparse: SparseSearch
    format_version = schema.FORMAT_VERSION
    Config = PgSettings

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked(self.use, settings)

    def open(
        self,
        spec: StoreSpec | None = None,
        *,
        create: bool = True,
        bm25: RankerFactory | None = None,
        analyzer: Analyzer | None = None,
    ) -> PgvectorStore:
        """Connects, and makes the tables where there are none.

        Args:
            spec: what the index is for; None opens an existing one as it was made.
            create: whether a schema without an index may get one.
            bm25: our own BM25 with its parameters; with the default ones if None.
            analyzer: to make postings anew from the texts.

        Raises:
            ConfigError: the index was made with something else; the role is not bound by row-level security
                and `tenancy: rls`; or a setting does not fit.
            StoreError: the server, its pgvector or this role cannot do it, or there is no index and none may
                be made.
        """
        formula = bm25_of(bm25)
        self._database = Database(self.config)
        self.where = self._database.where
        facts = opened(self._database, spec, create=create)
        self.spec = facts.spec
        self._analyzer = analyzer
        self._lock = WriterLock(self._database)
        self._leases = Leases(self._database)
        self._manifest = PgManifest(self._database)
        self._dense = DenseSearch(self.config, self.spec.dimension, is_iterative=facts.is_iterative)
        self._sparse = SparseSearch(formula)
        return self

    # --- what a collection asks -------------------------------------------------------------------

    @property
    def capabilities(self) -> Capabilities:
        """All filters and BM25; exact search unless an index is asked for."""
        return Capabilities(
            self.use, filters=frozenset(OPERATORS), exact_dense=self.config.index == "none", sparse=True
        )

    def engine(self) -> Engine:
        """PostgreSQL and pgvector, as the server says."""
        return engine_of(self._database)

    def scratch(self, name: str) -> AbstractContextManager[PgvectorStore]:
        """A store in a schema of its own of the same database, which is dropped when the block ends."""
        return scratch_schema(self.config, name, lambda own: PgvectorStore(**own.as_keywords()))

    def head(self) -> int:
        """The current commit: what a new reader pins. 0 means nothing was ever committed."""
        return self._database.head()

    @contextmanager
    def hold(self) -> Iterator[int]:
        """The current commit, which is kept for the time of the block, whatever is written meanwhile."""
        while True:
            number = self.head()
            with self._leases.hold(number):
                # A commit between the two lines may have been followed by a compaction that did not see us.
                if self.head() == number:
                    yield number
                    return

    def _nearest(self, vectors: Vectors, k: int, scope: Scope) -> list[HitBatch]:
        single = once(self._database, self.spec, scope)
        found = None if single is None else self._dense.at_once(single, vectors, k)
        return super()._nearest(vectors, k, scope) if found is None else found

    def _matching(self, queries: Sequence[Sequence[str]], k: int, scope: Scope) -> list[HitBatch]:
        single = once(self._database, self.spec, scope)
        found = None if single is None else self._sparse.at_once(single, queries, k)
        return super()._matching(queries, k, scope) if found is None else found

    def fetch(self, ids: Sequence[str], scope: Scope) -> list[Chunk | None]:
        """The chunks with these ids, in this order; None for one that the scope does not show."""
        with asking(self._database, self.spec, scope) as asked:
            return chunks.fetch(asked, ids)

    def vectors(self, ids: Sequence[str], scope: Scope) -> Vectors:
        """The stored vectors of these chunks, shape `[n, d]`; zeros for one that the scope hides."""
        with asking(self._database, self.spec, scope) as asked:
            return chunks.vectors(asked, ids, self.spec.dimension)

    def readings(self, ids: Sequence[str], scope: Scope) -> list[bytes | None]:
        """What a reranker read in these chunks; None where nothing is kept, or the scope hides it."""
        with asking(self._database, self.spec, scope) as asked:
            return chunks.readings(asked, ids)

    def commit(self, changes: Iterable[Change]) -> int:
        """Writes all changes as one commit and returns its number: readers see all of it or none.

        A document replaces the one of the same tenant and id. A change without document removes it, unless
        its state is `quarantined`: then the state is noted and the content stays as it was.

        Raises:
            StoreError: a change is inconsistent, another process is writing, or the database refuses.
        """
        items = checked(changes, self.spec.dimension)
        reach("commit.checked")
        if not items:
            return self.head()
        with self._lock as connection:
            return write_commit(self._database, connection, items)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the right to write over several commits; other writers are refused meanwhile."""
        with self._lock:
            yield

    def _viewing(self, scope: Scope) -> AbstractContextManager[View]:
        return viewing(self._database, self.spec, scope)

    # --- upkeep -----------------------------------------------------------------------------------

    def holdings(self) -> Holdings:
        """What is kept, and how much of it the current commit does not show."""
        return holdings(self._database)

    def compact(self, *, wait_s: float = 0.0) -> Compaction:
        """Takes out of the tables what no reader can see any more, and gives the space back.

        Where something was forgotten, the tables are written anew without it, and `erased` says whether that
        could be done. The server's write-ahead log, replicas and backups are beyond its reach.

        Args:
            wait_s: how long to wait for readers of older commits.

        Raises:
            StoreError: another process is writing, or the database refuses.
        """
        with self._lock as connection:
            return compact(self._database, connection, self._leases, wait_s=wait_s)

    def erase(self, changes: Sequence[Change], *, wait_s: float = 30.0) -> Compaction:
        """Commits removals, then takes what they removed out of the tables' files.

        If the process dies in between, the next compaction, which the next ingestion makes, ends the work.
        """
        with self._lock as connection:
            with self._database.explained():
                mark(connection)
            reach("forget.marked")
            self.commit(changes)
            reach("forget.removed")
            return compact(self._database, connection, self._leases, wait_s=wait_s)

    def prepare(self) -> None:
        """Builds the index over the vectors that the settings ask for, where there are enough of them."""
        n_chunks = self.counts().chunks
        with self._lock as connection, self._database.explained(), without_limit(connection):
            approximate.refresh(connection, n_chunks)
            approximate.build(connection, self.config, self.spec.dimension, n_chunks)

    def verify(self) -> list[str]:
        """Compares everything with what was written: one line per problem with its remedy, none if all is
        well.
        """
        return problems_of(self._database)

    def repair(self, embed: Embed | None = None) -> list[str]:
        """Makes damaged postings and, by `embed`, damaged vectors anew; gives one line per thing mended."""
        with self._lock as connection, self._database.explained(), without_limit(connection):
            terms = None if self._analyzer is None else self._analyzer.terms
            lines = repaired(self._database, connection, self.spec, terms, embed)
        self._sparse.forget()
        return lines

    def close(self) -> None:
        """Closes all connections. A closed store refuses further calls."""
        if not hasattr(self, "_database"):
            raise StoreError("store/pgvector: this store was not opened")
        self._leases.close()
        self._database.close()
