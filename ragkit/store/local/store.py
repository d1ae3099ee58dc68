"""`store/local`: the embedded store as the collection sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ragkit.arrays import HitBatch
from ragkit.failpoints import reach
from ragkit.filters import OPERATORS
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
from ragkit.store.bm25.search import DefaultBm25
from ragkit.store.changes import checked_vectors
from ragkit.store.files import size_of
from ragkit.store.local import schema
from ragkit.store.local.compact import compact_folder
from ragkit.store.local.dense import dense_index
from ragkit.store.local.dense_files import DENSE, DenseFiles
from ragkit.store.local.leases import Leases
from ragkit.store.local.lock import WriterLock
from ragkit.store.local.opening import look_for_losses, opened
from ragkit.store.local.reader import Reader
from ragkit.store.local.readings import READINGS, KeptReadings
from ragkit.store.local.repair import Embed, repair_folder
from ragkit.store.local.scratch import engine_of, scratch_folder
from ragkit.store.local.searching import best_by_terms, nearest
from ragkit.store.local.segments import SegmentFiles
from ragkit.store.local.settings import LocalSettings
from ragkit.store.local.transaction import mark
from ragkit.store.local.unread import unread
from ragkit.store.local.verify import problems_of_folder
from ragkit.store.local.write import Writer
from ragkit.store_spec import StoreSpec
from ragkit.types import Chunk, Document

_FAST_ROWS = 10_000


class LocalStore:
    """An index in one folder: many readers, one writer, no server.

    A commit by any process is seen by the next call of every other. Reads that pin a commit keep seeing it.
    Made with its settings, usable once opened:

    >>> import tempfile
    >>> store = LocalStore(path=tempfile.mkdtemp())
    >>> store.open(StoreSpec("mini", embedder_fingerprint="v1", dimension=2)).head()
    0
    """

    format_version = schema.FORMAT_VERSION

    Config = LocalSettings

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked("store/local", settings)
        self.path = Path(self.config.path)
        self.where = str(self.path)

    def open(
        self,
        spec: StoreSpec | None = None,
        *,
        create: bool = True,
        bm25: RankerFactory | None = None,
        analyzer: Analyzer | None = None,
    ) -> LocalStore:
        """Opens the folder, or makes it.

        Args:
            spec: what the index is for; None opens an existing one as it was made.
            create: whether a folder without an index may become one.
            bm25: what ranks by terms; our own BM25 with its default parameters if None.
            analyzer: to rebuild a damaged BM25 index from the texts.

        Raises:
            ConfigError: the index was made with something else.
            StoreError: there is no index and none may be made.
            CorruptIndexError: what lies in the folder is not what was written.
        """
        index = dense_index(self.config.index)
        self._is_exact = index.is_exact
        found = opened(self.path, spec, create=create)
        self.manifest, self.spec = found.manifest, found.spec
        segments = SegmentFiles(self.path / "postings", analyzer.terms if analyzer else None)
        lock = WriterLock(self.path / "writer.lock")
        dense = DenseFiles(self.path / DENSE, index)
        self._readings = KeptReadings(self.path / READINGS)
        self._writer = Writer(
            self.path, self.spec.dimension, self.manifest, lock, segments, dense, self._readings
        )
        self._leases = Leases(self.path / "readers.lock")
        self._reader = Reader(self.spec, self._writer, index, bm25 or DefaultBm25())
        return self

    # --- what a collection asks -------------------------------------------------------------------

    @property
    def capabilities(self) -> Capabilities:
        """All filters and BM25; exact where its index is, fast while a search stays under a millisecond."""
        return Capabilities(
            "store/local",
            filters=frozenset(OPERATORS),
            exact_dense=self._is_exact,
            sparse=True,
            fast=self.manifest.head().n_rows <= _FAST_ROWS,
        )

    def engine(self) -> Engine:
        """SQLite and the dense index, with the version of each that has one of its own."""
        return engine_of(self.config.index)

    def scratch(self, name: str) -> AbstractContextManager[LocalStore]:
        """A store in an empty folder beside this one, with the same dense index; the folder is removed."""
        return scratch_folder(self.path, name, lambda path: LocalStore(path=path, index=self.config.index))

    def head(self) -> int:
        """The current commit: what a new reader pins. 0 means nothing was ever committed."""
        return self.manifest.head().number

    @contextmanager
    def hold(self) -> Iterator[int]:
        """The current commit, which is kept for the time of the block, whatever is written meanwhile.

        A commit that nobody holds can be read as well, until the index is compacted.
        """
        while True:
            head = self.manifest.head()
            with self._leases.hold(head.number):
                # A commit between the two lines may have been followed by a compaction that did not see us.
                if self.manifest.head().number == head.number:
                    self._reader.follow(head)
                    yield head.number
                    return

    def search(self, vectors: Vectors, k: int, scope: Scope) -> list[HitBatch]:
        """The `k` nearest chunks by cosine similarity for each row of `vectors` (`[q, d]`, unit length)."""
        check_k(k)
        checked_vectors(vectors, self.spec.dimension, "query vectors")
        return nearest(self._reader.view(scope), vectors, k)

    def search_terms(self, queries: Sequence[Sequence[str]], k: int, scope: Scope) -> list[HitBatch]:
        """The `k` best chunks by BM25 for each list of terms; only chunks that share a term are returned."""
        check_k(k)
        view = self._reader.view(scope)
        return best_by_terms(view, self._reader.ranker(view, scope.tenant), queries, k, scope)

    def fetch(self, ids: Sequence[str], scope: Scope) -> list[Chunk | None]:
        """The chunks with these ids, in this order; None for one that the scope does not show."""
        return self._reader.chunks(ids, self._reader.view(scope))

    def vectors(self, ids: Sequence[str], scope: Scope) -> Vectors:
        """The stored vectors of these chunks, shape `[n, d]`; zeros for one that the scope hides."""
        view = self._reader.view(scope)
        out = np.zeros((len(ids), self.spec.dimension), dtype=np.float32)
        for i, place in enumerate(self._reader.places(ids, view)):
            if place is not None:
                out[i] = view.snapshot.matrix[place.position]
        return out

    def readings(self, ids: Sequence[str], scope: Scope) -> list[bytes | None]:
        """What a reranker read in these chunks; None where nothing is kept, or the scope hides it."""
        places = self._reader.places(ids, self._reader.view(scope))
        shown = [identity for identity, place in zip(ids, places, strict=True) if place is not None]
        found = dict(zip(shown, self._readings.get(shown), strict=True))
        return [found.get(identity) for identity in ids]

    def unread(
        self, is_sound: Callable[[bytes, Chunk], bool] | None = None, *, mark: bytes = b""
    ) -> Iterator[list[Chunk]]:
        """Chunks of all tenants without a reading that begins with `mark`, or with one that is not sound."""
        with self.manifest.reading() as db:
            yield from unread(db, self._readings, is_sound, mark=mark)

    def keep_readings(self, readings: Mapping[str, bytes]) -> bool:
        """Keeps what a reranker read in chunks that are committed; whether it could.

        Raises:
            StoreError: another process is writing.
        """
        with self._writer.lock:
            return self._readings.mend(readings)

    def commit(self, changes: Iterable[Change]) -> int:
        """Writes all changes as one commit and returns its number: readers see all of it or none.

        A document replaces the one of the same tenant and id. A change without document removes it, unless
        its state is `quarantined`: then the state is noted and the content stays as it was.

        Raises:
            StoreError: a change is inconsistent, or another process is writing.
        """
        return self._writer.commit(list(changes))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the right to write over several commits; other writers are refused meanwhile."""
        with self._writer.lock:
            yield

    def state(self, tenant: str, document_id: str) -> DocumentState | None:
        """What is known of a document, or None."""
        return self.manifest.state(tenant, document_id)

    def states(self, tenant: str | None = None) -> Iterator[DocumentState]:
        """All documents of a tenant, or of all tenants, by tenant and id."""
        return self.manifest.states(tenant)

    def at_uri(self, tenant: str, uri: str) -> Iterable[DocumentState]:
        """The documents of a tenant that came from a place, by id."""
        return self.manifest.at_uri(tenant, uri)

    def quarantined(self) -> Iterable[DocumentState]:
        """The documents of all tenants that could not be ingested, by tenant and id."""
        return self.manifest.quarantined()

    def source(self, tenant: str, document_id: str, commit: int | None = None) -> Document | None:
        """A document as it was committed, with its canonical text; None when there is none."""
        return self.manifest.source(tenant, document_id, commit)

    def counts(self) -> StoreCounts:
        """Counts at the current commit."""
        return self.manifest.counts()

    def verify(self) -> list[str]:
        """Compares everything with what was written: one line per problem with its remedy, none if all is
        well.
        """
        return problems_of_folder(self.manifest, self.path, self.spec.dimension)

    def holdings(self) -> Holdings:
        """What is kept, and how much of it the current commit does not show."""
        head = self.manifest.head()
        return Holdings(
            head.number,
            kept_from=head.kept_from,
            generation=head.generation,
            n_chunks=head.n_rows,
            n_ended=self.manifest.n_ended(),
            n_bytes=size_of(self.path),
            to_erase=head.to_erase,
        )

    def compact(self, *, wait_s: float = 0.0) -> Compaction:
        """Takes out of all files what no reader can see any more: replaced and removed content.

        Other processes go on reading. What they hold older commits for stays until a later compaction.

        Args:
            wait_s: how long to wait for readers of older commits.

        Raises:
            StoreError: another process is writing, or the folder cannot be written to.
            CorruptIndexError: a file is not what was written; nothing is changed then.
        """
        done = compact_folder(self._writer, self._leases, wait_s=wait_s)
        if done.n_collected:
            self._reader.forget()
        return done

    def erase(self, changes: Sequence[Change], *, wait_s: float = 30.0) -> Compaction:
        """Commits removals, then takes what they removed out of all files.

        If the process dies in between, the next compaction, which the next ingestion makes, ends the work.
        """
        with self._writer.lock, self.manifest.reading() as db:
            mark(db, to_erase=True)
            reach("forget.marked")
            self.commit(changes)
            reach("forget.removed")
            return self.compact(wait_s=wait_s)

    def prepare(self) -> None:
        """Builds a dense index that takes long to build, and keeps it in files for those that open it next.

        Where another process is writing or the disk is full, nothing is kept.
        """
        if self._writer.dense.are_kept:
            self._reader.prepare()

    def repair(self, embed: Embed | None = None) -> list[str]:
        """Makes damaged postings and, by `embed`, damaged vectors anew; gives one line per file mended.

        Other processes that read the index see the mended files once they open it anew.

        Raises:
            StoreError: another process is writing, or the folder cannot be written to.
            CorruptIndexError: the manifest cannot be read, or postings are damaged and there is no analyzer.
        """
        repaired = repair_folder(self._writer, embed)
        if repaired:
            look_for_losses(self.manifest, self._writer.last_commit)
            self._reader.forget()
        return repaired

    def close(self) -> None:
        """Releases files and connections. A closed store refuses further calls."""
        self.manifest.close()
        self._readings.close()
        self._leases.close()
