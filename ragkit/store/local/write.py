"""How a commit is written: files first and on disk, then one transaction that makes them count."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ragkit.failpoints import reach
from ragkit.protocols import Change, Record
from ragkit.store.bm25.postings import Postings, merge, n_to_merge
from ragkit.store.changes import check_changes
from ragkit.store.files import explain
from ragkit.store.local.dense_files import DenseFiles
from ragkit.store.local.last_commit import LAST_COMMIT, LastCommit
from ragkit.store.local.lock import WriterLock
from ragkit.store.local.manifest import Head, Segment, SqliteManifest, read_head, read_segments
from ragkit.store.local.readings import KeptReadings
from ragkit.store.local.segments import SegmentFiles
from ragkit.store.local.transaction import write_commit
from ragkit.store.local.vectors import MAX_SEGMENT_ROWS, VectorFile


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes commits into a folder, one at a time."""

    folder: Path
    dimension: int
    manifest: SqliteManifest
    lock: WriterLock
    segments: SegmentFiles
    dense: DenseFiles
    readings: KeptReadings

    def vectors(self, generation: int) -> VectorFile:
        """The vector file of a generation."""
        return VectorFile(self.folder, generation, self.dimension)

    @property
    def last_commit(self) -> LastCommit:
        """The number of the last commit that was reported."""
        return LastCommit(self.folder / LAST_COMMIT)

    def commit(self, changes: Sequence[Change]) -> int:
        """Writes `changes` as one commit. Whenever the process dies, the index is at the old commit or the
        new.

        Until the transaction at the end, nothing that a reader could see is touched: vectors lie behind the
        rows that count, and segment files have names that nobody knows.

        Raises:
            StoreError: a change is inconsistent, another process is writing, or the folder cannot be written
                to. `TransientStoreError` where the disk is full.
        """
        check_changes(changes, self.dimension)
        reach("commit.checked")
        if not changes:
            return self.manifest.head().number
        with self.lock, self.manifest.reading() as db:
            try:
                return self._write(changes, db)
            except OSError as e:
                raise explain(e, self.folder) from e

    def clean(self, head: Head, known: Sequence[Segment]) -> list[str]:
        """Removes what commits that never happened, merges and compactions left behind; one line per file."""
        names = {s.file for s in known}
        removed = [*self.segments.clean(names), *self.dense.clean(names)]
        for path in self.folder.glob("vectors-*"):
            if path.name != self.vectors(head.generation).path.name:
                path.unlink(missing_ok=True)
                removed.append(f"{path}: removed, as no commit names it")
        return removed

    def _write(self, changes: Sequence[Change], db: sqlite3.Connection) -> int:
        reported, head, known = self.last_commit.read(), read_head(db), read_segments(db)
        self.last_commit.check(reported, head.number)
        self.clean(head, known)
        reach("commit.cleaned")
        records = [record for change in changes for record in change.records]
        written: list[Segment] = []
        gone: list[Segment] = []
        if records:
            vectors, few = self._write_vectors(head, records, known)
            postings, small = self._write_postings(head, records, known, db)
            written, gone = [vectors, postings], [*few, *small]
        readings = {record.chunk.id: record.reading for record in records if record.reading}
        self.readings.put(readings, head=head.number)
        number = write_commit(db, changes, head, written, gone).number
        # The commit is done and on disk whatever becomes of this: a number that is behind guards less, and
        # the next commit brings it up.
        with contextlib.suppress(OSError):
            self.last_commit.write(number)
        reach("commit.reported")
        return number

    def _write_vectors(
        self, head: Head, records: Sequence[Record], known: Sequence[Segment]
    ) -> tuple[Segment, list[Segment]]:
        """A new segment behind the others, which vouches for small ones before it too, and these."""
        file = self.vectors(head.generation)
        fresh = file.append(head.n_rows, np.stack([r.vector for r in records]))
        existing = [s for s in known if s.kind == "vectors"]
        n = n_to_merge([s.n_rows for s in existing], fresh.n_rows, MAX_SEGMENT_ROWS)
        few = existing[len(existing) - n :]
        joined = file.joined([*few, fresh]) if few else None
        # What is damaged keeps the checksum that says so.
        return (fresh, []) if joined is None else (joined, few)

    def _write_postings(
        self, head: Head, records: Sequence[Record], known: Sequence[Segment], db: sqlite3.Connection
    ) -> tuple[Segment, list[Segment]]:
        """A new segment, with small ones before it merged in, and these."""
        existing = [s for s in known if s.kind == "postings"]
        opened = self.segments.open(existing, db)
        fresh = Postings.of([r.terms for r in records], head.n_rows)
        n = n_to_merge([p.n_postings for p in opened], fresh.n_postings)
        if n == 0:
            return self.segments.write(fresh), []
        merged = merge([*opened[-n:], fresh])
        reach("commit.merged")
        return self.segments.write(merged), existing[-n:]
