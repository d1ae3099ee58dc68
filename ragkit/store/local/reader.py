"""The index as readers see it: brought up to date when a newer commit is asked for, never beneath one."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ragkit.arrays import ID_BYTES
from ragkit.errors import CorruptIndexError, StoreError
from ragkit.fields import shown
from ragkit.protocols import DenseIndex, RankerFactory, Scope, TermRanker
from ragkit.store.local.columns import FieldColumns
from ragkit.store.local.keep_dense import keep_dense
from ragkit.store.local.manifest import Head, check_kept, read_head, read_segments
from ragkit.store.local.rows import RowTable
from ragkit.store.local.snapshot import Place, Snapshot, View, remember
from ragkit.store.local.write import Writer
from ragkit.store.scoping import check_scope
from ragkit.store_spec import StoreSpec
from ragkit.types import Chunk

_MAX_CHUNKS = 20_000  # objects kept, about 2 KB each
_MAX_VIEWS = 256  # a flag per chunk each, all of them within so many bytes
_VIEW_BYTES = 64 << 20
_MAX_RANKERS = 8
_MAX_CHASES = 20
_FEW_IDS = 8  # compared one by one, which takes no sorting of all
_NOTHING = Head(0, 0, 0, 0, 0, to_erase=False)


class Reader:
    """Snapshots of a folder, and what scopes show of them. Any number of threads may ask at once."""

    def __init__(self, spec: StoreSpec, files: Writer, index: DenseIndex, engine: RankerFactory) -> None:
        self._spec = spec
        self._files = files
        self._manifest = files.manifest
        self._empty_index = index
        self._engine = engine
        self._refreshing = threading.Lock()
        self._chunks: dict[int, Chunk] = {}
        self._snapshot = self._unread()
        self._generation = 0

    @property
    def _folder(self) -> Path:
        return self._files.folder

    def forget(self) -> None:
        """Begins again from what is on disk."""
        with self._refreshing:
            self._snapshot = self._unread()
            self._chunks.clear()

    def follow(self, head: Head) -> None:
        """Says which generation there is now: the next look goes to it, and lets the older files go."""
        self._generation = max(self._generation, head.generation)

    def prepare(self) -> None:
        """Builds and keeps all that a question at the current commit needs."""
        self._refresh()

    def view(self, scope: Scope) -> View:
        """What a scope shows, of the current commit where it pins none.

        Raises:
            TenantError: the scope names a tenant or groups where there are none, or none where there are, or
                they are malformed.
            FilterError: its filter does not fit the declared fields.
            StoreError: the pinned commit does not exist, or is not kept any more.
            CorruptIndexError: a file is lost or damaged, and cannot be made anew here.
        """
        self._manifest.check_open()
        if scope.commit is None:
            scope = Scope(scope.tenant, scope.acl, scope.filter, self._manifest.head().number)
        if self._generation > self._snapshot.head.generation:
            self._refresh()
        try:
            view = self._snapshot.views.get(scope)
        except (TypeError, RecursionError):  # it holds a list, or something else that is no scope's
            view = None
        if view is None:
            check_scope(scope, self._spec, self._folder)
            view = self._look(scope)
            most = min(_MAX_VIEWS, 1 + _VIEW_BYTES // max(1, view.snapshot.head.n_rows))
            remember(view.snapshot.views, scope, view, most)
        return view

    def ranker(self, view: View, tenant: str | None) -> TermRanker:
        """What ranks a tenant's chunks at the view's commit by their terms."""
        key, snapshot = (view.commit, tenant), view.snapshot
        ranker = snapshot.rankers.get(key)
        if ranker is None:
            live = snapshot.table.live(view.commit, tenant, snapshot.head.n_rows)
            ranker = self._engine.over(snapshot.segments, None if bool(live.all()) else live)
            remember(snapshot.rankers, key, ranker, _MAX_RANKERS)
        return ranker

    def places(self, ids: Sequence[str], view: View) -> list[Place | None]:
        """Where the chunk with each id is; None for one that the view does not show."""
        snapshot = view.snapshot
        known = {i: snapshot.found[i] for i in ids if i in snapshot.found}
        missing = [i for i in ids if i not in known]
        if missing:
            for identity, rows in self._manifest.rows_of(missing, view.commit).items():
                at = snapshot.table.positions(rows)
                places = tuple(Place(r, p) for r, p in zip(rows, at, strict=True) if p is not None)
                known[identity] = places
            self._check_not_lost([i for i in missing if not known[i]], snapshot)
            for identity in missing:
                remember(snapshot.found, identity, known[identity], _MAX_CHUNKS)
        n, allowed = snapshot.head.n_rows, view.allowed
        return [
            next((p for p in known[i] if p.position < n and (allowed is None or allowed[p.position])), None)
            for i in ids
        ]

    def chunks(self, ids: Sequence[str], view: View) -> list[Chunk | None]:
        """The chunks with these ids, in this order; None for one that the view does not show."""
        rows = [None if place is None else place.row for place in self.places(ids, view)]
        found = {row: chunk for row in rows if row is not None and (chunk := self._chunks.get(row))}
        missing = [row for row in rows if row is not None and row not in found]
        if missing:
            for row, chunk in self._manifest.chunks(missing, view.commit).items():
                found[row] = chunk
                remember(self._chunks, row, chunk, _MAX_CHUNKS)
        return [None if row is None else found[row] for row in rows]

    def _check_not_lost(self, unknown: Sequence[str], snapshot: Snapshot) -> None:
        """A chunk that is in memory and that the manifest does not find by its id is lost, not unknown."""
        if unknown:
            asked = np.array([i.encode("ascii", "replace")[:ID_BYTES] for i in unknown], dtype=f"S{ID_BYTES}")
            held = snapshot.table.ids[: snapshot.head.n_rows]
            few = len(asked) <= _FEW_IDS
            lost = any((held == i).any() for i in asked) if few else bool(np.isin(asked, held).any())
            if lost:
                raise CorruptIndexError(
                    f"{self._manifest.path}: a chunk cannot be found by its id. ragkit verify shows all "
                    "that is damaged; restore the folder from a copy, or ingest again into a new folder"
                )

    # --- inside -----------------------------------------------------------------------------------

    def _unread(self) -> Snapshot:
        table, fields = RowTable(), FieldColumns(self._spec.fields)
        empty = np.empty((0, self._spec.dimension), dtype=np.float32)
        return Snapshot(_NOTHING, table, fields, empty, self._empty_index.over(empty, table.ids), ())

    def _look(self, scope: Scope) -> View:
        commit = scope.commit or 0
        snapshot = self._snapshot
        if commit > snapshot.head.number:
            snapshot = self._refresh()
            if commit > snapshot.head.number:
                raise StoreError(
                    f"{self._folder}: commit {shown(commit)} does not exist; the current one is "
                    f"{snapshot.head.number}"
                )
        check_kept(commit, snapshot.head, self._folder)
        n = snapshot.head.n_rows
        allowed = snapshot.table.live(commit, scope.tenant, n)
        if scope.acl is not None:
            allowed &= snapshot.table.readable(scope.acl, n)
        if scope.filter is not None and n:
            with self._manifest.reading() as db:
                db.execute("BEGIN")
                # Columns are read when first asked for: of a commit that is collected only a part is left.
                check_kept(commit, read_head(db), self._folder)
                allowed &= snapshot.fields.mask(scope.filter, snapshot.table.rows[:n], db)
        allowed.setflags(write=False)  # so that the dense index may know it again
        return View(snapshot, commit, None if bool(allowed.all()) else allowed)

    def _refresh(self) -> Snapshot:
        snapshot = self._newest()
        keep_dense(self._files, snapshot)
        return snapshot

    def _newest(self) -> Snapshot:
        with self._refreshing:
            for _ in range(_MAX_CHASES):
                head = self._manifest.head()
                try:
                    return self._load(rebuild=False)
                except CorruptIndexError:
                    # A writer may have merged a file away after it was named to us: then there is a newer
                    # commit or generation to go to. Otherwise the file is truly lost or damaged.
                    if self._manifest.head() == head:
                        break
            return self._load(rebuild=True)

    def _load(self, *, rebuild: bool) -> Snapshot:
        last = self._files.last_commit
        reported = last.read()
        with self._manifest.reading() as db:
            db.execute("BEGIN")
            head, old = read_head(db), self._snapshot
            last.check(reported, head.number)
            if head == old.head:
                return old
            if head.generation != old.head.generation:
                old = self._unread()
            self._snapshot = self._caught_up(old, head, db, rebuild=rebuild)
            return self._snapshot

    def _caught_up(self, old: Snapshot, head: Head, db: sqlite3.Connection, *, rebuild: bool) -> Snapshot:
        """A snapshot with what was committed since an older one of the same generation."""
        known = read_segments(db)
        postings = [s for s in known if s.kind == "postings"]
        segments = self._files.segments.open(postings, db, rebuild=rebuild)
        vectors = self._files.vectors(head.generation)
        matrix = vectors.matrix(head.n_rows)
        # A new segment may vouch for rows before it too.
        fresh = [s for s in known if s.kind == "vectors" and s.first_row + s.n_rows > old.head.n_rows]
        vectors.check(fresh, matrix, fresh[0].first_row if fresh else old.head.n_rows)
        old.table.load(db, old.head.number)
        if old.table.n != head.n_rows:
            raise CorruptIndexError(
                f"{self._manifest.path}: {old.table.n} chunks, expected {head.n_rows}. ragkit verify shows "
                "all that is damaged"
            )
        index = self._files.dense.over(old.index, old.head.n_rows, matrix, old.table.ids, known)
        return Snapshot(head, old.table, old.fields, matrix, index, tuple(segments))
