"""`store/local`: the embedded store as the collection sees it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from ragkit import registry
from ragkit.arrays import HitBatch, near_top
from ragkit.errors import ConfigError, CorruptIndexError, QueryError, StoreError, TenantError
from ragkit.filters import OPERATORS
from ragkit.protocols import (
    Analyzer,
    Capabilities,
    Change,
    DocumentState,
    RankerFactory,
    Scope,
    StoreCounts,
    TermRanker,
    Vectors,
)
from ragkit.settings import Settings
from ragkit.store.bm25.search import DefaultBm25
from ragkit.store.changes import checked_vectors
from ragkit.store.local import schema
from ragkit.store.local.dense import dense_index, named_index
from ragkit.store.local.lock import WriterLock
from ragkit.store.local.manifest import SqliteManifest, read_head, read_segments
from ragkit.store.local.repair import Embed, repair_folder
from ragkit.store.local.rows import FieldColumns, RowTable
from ragkit.store.local.segments import SegmentFiles
from ragkit.store.local.snapshot import Snapshot, View, remember
from ragkit.store.local.vectors import VectorFile
from ragkit.store.local.verify import RESTORE, problems_of_folder
from ragkit.store.local.write import Writer
from ragkit.store_spec import StoreSpec
from ragkit.types import Chunk, Document

_MAX_CHUNKS = 20_000  # objects kept, about 2 KB each
_MAX_VIEWS = 256
_MAX_RANKERS = 8
_MAX_CHASES = 20
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

    class Config(Settings):
        """Settings of `store/local`."""

        path: str | Path = Field("index", description="Folder of the index.")
        index: Any = Field({"use": "index/exact"}, description="The dense index and its settings.")

        @field_validator("index")
        @classmethod
        def _is_an_index(cls, index: Any) -> Any:
            # Checked where it is written, so that a mistake is reported with the line of its file.
            if isinstance(index, str):
                index = {"use": index}
            if isinstance(index, Mapping):
                name, settings = named_index(index)
                try:
                    registry.blueprint(name).Config.checked(name, settings)
                except ConfigError as e:
                    raise ValueError(str(e)) from e
            return index

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked("store/local", settings)
        self.path = Path(self.config.path)

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
        path = self.path / "manifest.sqlite"
        # Asked first: who makes an index makes the manifest before the vectors.
        has_vectors = (self.path / "vectors.f32").exists()
        if not path.exists():
            if has_vectors:
                raise CorruptIndexError(f"{path}: missing, and with it all documents. {RESTORE}")
            if spec is None or not create:
                raise StoreError(
                    f"{self.path}: no index here. Make one: ragkit ingest DOCS --index {self.path}"
                )
            _make_folder(self.path)
            schema.create(path, spec.to_json())
        self.manifest = SqliteManifest(path)
        try:
            recorded = _recorded(self.manifest)
            if spec is not None:
                spec.check(recorded, str(self.path))
        except BaseException:
            self.manifest.close()
            raise
        self.spec = spec or recorded
        self._writer = Writer(
            self.manifest,
            WriterLock(self.path / "writer.lock"),
            VectorFile(self.path / "vectors.f32", self.spec.dimension),
            SegmentFiles(self.path / "postings", analyzer.terms if analyzer else None),
        )
        self._engine: RankerFactory = bm25 or DefaultBm25()
        self._rows = RowTable()
        self._fields = FieldColumns(self.spec.fields)
        self._refreshing = threading.Lock()
        empty = np.empty((0, self.spec.dimension), dtype=np.float32)
        # Held to begin again from, when files are repaired.
        self._unread = Snapshot(0, 0, self._rows.ids, empty, index.over(empty, self._rows.ids), ())
        self._snapshot = self._unread
        self._chunks: dict[int, Chunk] = {}
        return self

    # --- what a collection asks -------------------------------------------------------------------

    @property
    def capabilities(self) -> Capabilities:
        """All filters, exact search and BM25; fast while a search stays under a millisecond."""
        return Capabilities(
            "store/local",
            filters=frozenset(OPERATORS),
            exact_dense=True,
            sparse=True,
            fast=self.manifest.head().n_rows <= _FAST_ROWS,
        )

    def head(self) -> int:
        """The current commit: what a new reader pins. 0 means nothing was ever committed."""
        return self.manifest.head().number

    def search(self, vectors: Vectors, k: int, scope: Scope) -> list[HitBatch]:
        """The `k` nearest chunks by cosine similarity for each row of `vectors` (`[q, d]`, unit length)."""
        _check_k(k)
        checked_vectors(vectors, self.spec.dimension, "query vectors")
        view = self._view(scope)
        found, scores = view.snapshot.index.search(vectors, k, view.allowed)
        ids = view.snapshot.ids
        batches = []
        for rows, cosines in zip(found, scores, strict=True):
            if k > len(ids) or rows[-1] < 0:
                cosines, rows = cosines[rows >= 0], rows[rows >= 0]
            batches.append(HitBatch(ids[rows], cosines))
        return batches

    def search_terms(self, queries: Sequence[Sequence[str]], k: int, scope: Scope) -> list[HitBatch]:
        """The `k` best chunks by BM25 for each list of terms; only chunks that share a term are returned."""
        _check_k(k)
        view = self._view(scope)
        ranker = self._ranker(view, scope.tenant)
        # The ranker has left out what is not of its population; a mask is needed only for what is hidden
        # within it.
        allowed = view.allowed if scope.acl is not None or scope.filter is not None else None
        batches = []
        for terms in queries:
            found = ranker.search(terms, k, allowed)
            near = near_top(found.scores, k)
            ids, scores = view.snapshot.ids[found.rows[near]], found.scores[near]
            order = np.lexsort((ids, -scores))[:k]
            batches.append(HitBatch(ids[order], scores[order], found.ceiling))
        return batches

    def fetch(self, ids: Sequence[str], scope: Scope) -> list[Chunk | None]:
        """The chunks with these ids, in this order; None for one that the scope does not show."""
        rows = self._visible_rows(ids, self._view(scope))
        found = {row: chunk for row in rows if row is not None and (chunk := self._chunks.get(row))}
        missing = [row for row in rows if row is not None and row not in found]
        if missing:
            for row, chunk in self.manifest.chunks(missing).items():
                found[row] = chunk
                remember(self._chunks, row, chunk, _MAX_CHUNKS)
        return [None if row is None else found[row] for row in rows]

    def vectors(self, ids: Sequence[str], scope: Scope) -> Vectors:
        """The stored vectors of these chunks, shape `[n, d]`; zeros for one that the scope hides."""
        view = self._view(scope)
        out = np.zeros((len(ids), self.spec.dimension), dtype=np.float32)
        for i, row in enumerate(self._visible_rows(ids, view)):
            if row is not None:
                out[i] = view.snapshot.matrix[row]
        return out

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

    def states(self, tenant: str | None = None) -> list[DocumentState]:
        """All documents of a tenant, or of all tenants, by tenant and id."""
        return self.manifest.states(tenant)

    def source(self, tenant: str, document_id: str) -> Document | None:
        """A document as it was committed, with its canonical text; None when there is none."""
        return self.manifest.source(tenant, document_id)

    def counts(self) -> StoreCounts:
        """Counts at the current commit."""
        return self.manifest.counts()

    def verify(self) -> list[str]:
        """Compares everything with what was written: one line per problem with its remedy, none if all is
        well.
        """
        return problems_of_folder(self.manifest, self.path, self.spec.dimension)

    def repair(self, embed: Embed | None = None) -> list[str]:
        """Makes damaged postings and, by `embed`, damaged vectors anew; gives one line per file mended.

        Other processes that read the index see the mended files once they open it anew.

        Raises:
            StoreError: another process is writing, or the folder cannot be written to.
            CorruptIndexError: the manifest cannot be read, or postings are damaged and there is no analyzer.
        """
        repaired = repair_folder(self._writer, embed)
        if repaired:
            with self._refreshing:
                self._snapshot = replace(self._unread, views={}, rankers={}, rows_of_id={})
        return repaired

    def close(self) -> None:
        """Releases files and connections. A closed store refuses further calls."""
        self.manifest.close()

    # --- scopes and snapshots ---------------------------------------------------------------------

    def _view(self, scope: Scope) -> View:
        self.manifest.check_open()
        if scope.commit is None:
            scope = Scope(scope.tenant, scope.acl, scope.filter, self.head())
        view = self._snapshot.views.get(scope)
        if view is None:
            self._check(scope)
            view = self._look(scope)
            remember(view.snapshot.views, scope, view, _MAX_VIEWS)
        return view

    def _check(self, scope: Scope) -> None:
        """A store that was made for tenants or acl never answers a question that names none."""
        if (scope.tenant is not None) != self.spec.has_tenants:
            raise TenantError(
                f"{self.path}: the index has tenants and the scope names none"
                if self.spec.has_tenants
                else f"{self.path}: the index has no tenants and the scope names one"
            )
        if (scope.acl is not None) != self.spec.has_acl:
            raise TenantError(
                f"{self.path}: the index has an acl and the scope names no groups"
                if self.spec.has_acl
                else f"{self.path}: the index has no acl and the scope names groups"
            )

    def _look(self, scope: Scope) -> View:
        commit = scope.commit or 0
        snapshot = self._snapshot
        if commit > snapshot.commit:
            snapshot = self._refresh()
            if commit > snapshot.commit:
                raise StoreError(
                    f"{self.path}: commit {commit} does not exist; the current one is {snapshot.commit}"
                )
        n = snapshot.n_rows
        allowed = self._rows.live(commit, scope.tenant, n)
        if scope.acl is not None:
            allowed &= self._rows.readable(scope.acl, n)
        if scope.filter is not None:
            with self.manifest.reading() as db:
                allowed &= self._fields.mask(scope.filter, n, db)
        return View(snapshot, commit, None if bool(allowed.all()) else allowed)

    def _refresh(self) -> Snapshot:
        with self._refreshing:
            for _ in range(_MAX_CHASES):
                head = self.head()
                try:
                    return self._load(rebuild=False)
                except CorruptIndexError:
                    # A writer may have merged a file away after it was named to us: then there is a newer
                    # commit to go to. Otherwise the file is truly lost or damaged.
                    if self.head() == head:
                        break
            return self._load(rebuild=True)

    def _load(self, *, rebuild: bool) -> Snapshot:
        with self.manifest.reading() as db:
            old = self._snapshot
            db.execute("BEGIN")
            head = read_head(db)
            if head.number == old.commit:
                return old
            files = read_segments(db)
            files = [s for s in files if s.kind == "postings"]
            segments = self._writer.segments.open(files, db, rebuild=rebuild)
            self._rows.load(db, old.commit)
            matrix = self._writer.vectors.matrix(head.n_rows)
            ids = self._rows.ids
            index = old.index.over(matrix, ids)
            self._snapshot = Snapshot(head.number, head.n_rows, ids, matrix, index, tuple(segments))
            return self._snapshot

    def _ranker(self, view: View, tenant: str | None) -> TermRanker:
        key, snapshot = (view.commit, tenant), view.snapshot
        ranker = snapshot.rankers.get(key)
        if ranker is None:
            live = self._rows.live(view.commit, tenant, snapshot.n_rows)
            ranker = self._engine.over(snapshot.segments, None if bool(live.all()) else live)
            remember(snapshot.rankers, key, ranker, _MAX_RANKERS)
        return ranker

    def _visible_rows(self, ids: Sequence[str], view: View) -> list[int | None]:
        remembered = view.snapshot.rows_of_id
        known = {i: remembered[i] for i in ids if i in remembered}
        missing = [i for i in ids if i not in known]
        if missing:
            for identity, rows in self.manifest.rows_of(missing).items():
                known[identity] = rows
                remember(remembered, identity, rows, _MAX_CHUNKS)
        n, allowed = view.snapshot.n_rows, view.allowed
        return [
            next((row for row in known[i] if row < n and (allowed is None or allowed[row])), None)
            for i in ids
        ]


def _check_k(k: int) -> None:
    if k < 1:
        raise QueryError(f"k={k}: expected at least 1")


def _recorded(manifest: SqliteManifest) -> StoreSpec:
    try:
        return StoreSpec.from_json(manifest.spec())
    except (ValueError, KeyError, TypeError) as e:
        raise CorruptIndexError(
            f"{manifest.path}: what it was made with is unreadable ({e}). {RESTORE}"
        ) from e


def _make_folder(path: Path) -> None:
    try:
        (path / "postings").mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise StoreError(f"{path}: the folder cannot be made ({e}). Check path and permissions") from e
