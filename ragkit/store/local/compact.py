"""Garbage: what was replaced or removed leaves the files once no reader can see it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.arrays import as_ids
from ragkit.errors import CorruptIndexError
from ragkit.failpoints import reach
from ragkit.store.abilities import Compaction
from ragkit.store.bm25.keep import keep
from ragkit.store.files import explain
from ragkit.store.local.leases import Leases
from ragkit.store.local.manifest import Head, Segment, read_head, read_segments
from ragkit.store.local.transaction import collect, mark
from ragkit.store.local.write import Writer

_POLL_S = 0.02
_TEMPORARY = "SQLITE_TMPDIR"


def compact_folder(writer: Writer, leases: Leases, *, wait_s: float) -> Compaction:
    """Deletes what no reader can see: from the manifest, the vectors, the BM25 index and the dense index.

    What stays is written to files of a new generation, which one transaction names; whenever the process
    dies, the index is the old or the new one, with the same content. Readers go on undisturbed, on the old
    files if they had them open. What a commit shows that is still being read stays too. At last the manifest
    is written anew, so that no byte of what was deleted is left in the folder.

    Args:
        wait_s: how long to wait for readers of older commits.

    Raises:
        StoreError: another process is writing, or the folder cannot be written to.
        CorruptIndexError: a file is not what was written; nothing is changed then.
    """
    with writer.lock, writer.manifest.reading() as db:
        try:
            reported, head = writer.last_commit.read(), read_head(db)
            writer.last_commit.check(reported, head.number)
            deadline = time.monotonic() + wait_s
            kept_from = _wait_for_readers(leases, head, deadline)
            left_s = deadline - time.monotonic()  # what is built may take longer, which is no waiting
            reach("compact.begun")
            ended = _ended(db, kept_from)
            if ended:
                head = _rewrite(writer, db, head, kept_from)
            writer.clean(head, read_segments(db))
            reach("compact.cleaned")
            # What readers of older commits hold has to leave the files too: it is erased with the rest, once.
            n_held = _ended(db, head.number)
            are_erased = not (ended or head.to_erase) or _are_readings_erased(writer, db, left_s)
            is_rid = n_held == 0 and are_erased
            erased = not head.to_erase or (is_rid and _erased(db, writer.folder, left_s))
        except OSError as e:
            raise explain(e, writer.folder) from e
    return Compaction(ended, n_held=n_held, erased=erased)


def _wait_for_readers(leases: Leases, head: Head, deadline: float) -> int:
    """The oldest commit that is still read; the current one where nobody reads an older one."""
    while True:
        oldest = leases.oldest(before=head.number)
        if oldest == head.number or time.monotonic() >= deadline:
            return oldest
        time.sleep(_POLL_S)


def _ended(db: sqlite3.Connection, commit: int) -> int:
    """How many documents' versions, and chunks, no reader of this commit or a later one sees."""
    counts = db.execute(
        "SELECT (SELECT count(*) FROM chunks WHERE to_commit <= ? AND to_commit < 4611686018427387904) + "
        "(SELECT count(*) FROM documents WHERE to_commit <= ?)",
        (commit, commit),
    )
    return int(counts.fetchone()[0])


def _rewrite(writer: Writer, db: sqlite3.Connection, head: Head, kept_from: int) -> Head:
    """Files of a new generation, and the transaction that makes them count."""
    ends = np.array([end for (end,) in db.execute("SELECT to_commit FROM chunks ORDER BY row")], np.int64)
    if len(ends) != head.n_rows:
        raise CorruptIndexError(
            f"{writer.manifest.path}: {len(ends)} chunks, expected {head.n_rows}. ragkit verify shows "
            "all that is damaged"
        )
    kept = np.flatnonzero(ends > kept_from)
    known = read_segments(db)
    vectors = _write_vectors(writer, head, known, kept)
    reach("compact.vectors")
    postings = _write_postings(writer, db, known, ends > kept_from)
    reach("compact.postings")
    dense = _write_dense(writer, db, head.generation + 1, kept)
    reach("compact.dense")
    moved = replace(
        head, n_rows=len(kept), generation=head.generation + 1, kept_from=kept_from, to_erase=True
    )
    collect(db, head, moved, [*vectors, *postings, *dense])
    return moved


def _write_vectors(
    writer: Writer, head: Head, known: Sequence[Segment], kept: NDArray[np.intp]
) -> list[Segment]:
    old = writer.vectors(head.generation)
    matrix = old.matrix(head.n_rows)
    # Damage must not be copied under a new checksum.
    old.check([s for s in known if s.kind == "vectors"], matrix, 0)
    return writer.vectors(head.generation + 1).write(matrix, kept)


def _write_postings(
    writer: Writer, db: sqlite3.Connection, known: Sequence[Segment], stays: NDArray[np.bool_]
) -> list[Segment]:
    written: list[Segment] = []
    first_row = 0
    for segment in writer.segments.open([s for s in known if s.kind == "postings"], db):
        n_rows = len(segment.lengths)
        kept = keep(segment, stays[segment.first_row : segment.first_row + n_rows], first_row)
        if len(kept.lengths):
            written.append(writer.segments.write(kept))
        first_row += len(kept.lengths)
    return written


def _write_dense(
    writer: Writer, db: sqlite3.Connection, generation: int, kept: NDArray[np.intp]
) -> list[Segment]:
    """Files of the dense index over what stays, so that no reader has to build it: their rows have moved."""
    if not writer.dense.are_kept:
        return []
    ids = as_ids([identity.hex() for (identity,) in db.execute("SELECT id FROM chunks ORDER BY row")])
    # What was deleted leaves the files even where there is no room for a graph.
    with suppress(OSError, MemoryError):
        return writer.dense.written_over(writer.vectors(generation).matrix(len(kept)), ids[kept])
    return []


def _are_readings_erased(writer: Writer, db: sqlite3.Connection, wait_s: float) -> bool:
    """Takes away what was read in chunks that are no more; whether no byte of it is left."""
    ids = (identity for (identity,) in db.execute("SELECT id FROM chunks"))
    return writer.readings.keep(ids, wait_s=wait_s)


def _erased(db: sqlite3.Connection, folder: Path, wait_s: float) -> bool:
    """Writes the manifest anew without free pages and empties its log; whether no reader was in the way."""
    # First as a question: a transaction that reads the log would make the work vain.
    if not _has_emptied_log(db, wait_s):
        return False
    with _temporary_files_in(folder):
        db.execute("VACUUM")
    reach("compact.vacuumed")
    is_empty = _has_emptied_log(db, wait_s)
    if is_empty:
        mark(db, to_erase=False)
    reach("compact.erased")
    return is_empty


def _has_emptied_log(db: sqlite3.Connection, wait_s: float) -> bool:
    (usual_ms,) = db.execute("PRAGMA busy_timeout").fetchone()
    db.execute(f"PRAGMA busy_timeout = {max(0, int(wait_s * 1000)):d}")
    try:
        (is_busy, _, _) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        db.execute(f"PRAGMA busy_timeout = {usual_ms:d}")
    return not is_busy


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Lets SQLite keep its copy beside the index, where there is room and the same people may read.

    It asks for the variable whenever it makes a file, and gives the file no name.
    """
    before = os.environ.get(_TEMPORARY)
    os.environ[_TEMPORARY] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_TEMPORARY]
        else:
            os.environ[_TEMPORARY] = before
