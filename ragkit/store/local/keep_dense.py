"""The dense index that a process had to build is kept for those that open the folder after it."""

from __future__ import annotations

import contextlib
import os

from ragkit.errors import StoreError
from ragkit.failpoints import reach
from ragkit.store.local.manifest import read_head, read_segments
from ragkit.store.local.snapshot import Snapshot
from ragkit.store.local.transaction import replace_segments
from ragkit.store.local.write import Writer


def keep_dense(writer: Writer, snapshot: Snapshot) -> None:
    """Writes and names what a snapshot's index has built and no file holds, where that can be done at once.

    Where another process writes, the folder cannot be written to or the disk is full, it is left undone: it
    can be built again. The files are written under the writer's lock, for else a compaction could take what
    is forgotten out of all files while one more is written that holds it. Those that are replaced stay until
    the next commit, for readers that are about to open them.
    """
    with contextlib.suppress(OSError, StoreError):
        if not _is_worth_it(writer, snapshot) or not os.access(writer.folder, os.W_OK):
            return
        with writer.lock.attempt() as is_taken:
            # What others have named before there was the lock need not be written again.
            if is_taken and _is_worth_it(writer, snapshot):
                _keep(writer, snapshot)


def _is_worth_it(writer: Writer, snapshot: Snapshot) -> bool:
    if not writer.dense.missing(snapshot.index, ()):
        return False  # the usual case: nothing is read for it
    with writer.manifest.reading() as db:
        db.execute("BEGIN")
        if read_head(db).generation != snapshot.head.generation:
            return False
        return bool(writer.dense.missing(snapshot.index, read_segments(db)))


def _keep(writer: Writer, snapshot: Snapshot) -> None:
    with writer.manifest.reading() as db:
        head, known = read_head(db), read_segments(db)
        writer.dense.clean({segment.file for segment in known})
        fresh = writer.dense.write(writer.dense.missing(snapshot.index, known))
        reach("dense.written")
        replace_segments(db, head, writer.dense.replaced(fresh, known), fresh)
        reach("dense.named")
