"""What a reranker read in passages when they were embedded, kept beside the manifest.

All of it can be made again from the texts, so nothing depends on this file: what is missing, damaged or
cannot be written is made again when it is asked for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ragkit.errors import CorruptIndexError, StoreError
from ragkit.failpoints import reach
from ragkit.store import sqlite_file
from ragkit.store.connections import Connections

READINGS = "readings.sqlite"  # the name of the file
_AT_ONCE = 500
# What is there already keeps its number: its chunk is of an earlier commit, whatever becomes of the next one.
_PUT = (
    "INSERT INTO readings (id, number, reading) VALUES (?, ?, ?) "
    "ON CONFLICT (id) DO UPDATE SET reading = excluded.reading WHERE reading <> excluded.reading"
)
_MARK = "substr(reading, 1, 8)"
_TABLES = (
    # `number`: of the commit that they were written for, so that those of one that never happened can go.
    "CREATE TABLE IF NOT EXISTS readings "
    "(id BLOB NOT NULL UNIQUE, number INTEGER NOT NULL, reading BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS readings_by_number ON readings (number)",
    # A reading begins with its model's mark. Without this, to find those of others takes reading all of them.
    f"CREATE INDEX IF NOT EXISTS readings_by_mark ON readings ({_MARK})",
)
_OF_OTHERS = (
    f"SELECT id FROM readings WHERE {_MARK} < ? "  # noqa: S608
    f"UNION ALL SELECT id FROM readings WHERE {_MARK} > ?"
)


class KeptReadings:
    """Readings by chunk id, of one folder; any number of threads may read, and one process write.

    >>> import tempfile
    >>> kept = KeptReadings(Path(tempfile.mkdtemp()) / READINGS)
    >>> kept.put({"0a": b"what was read"}, head=0)
    >>> kept.get(["0a", "0b"])
    [b'what was read', None]
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connections = Connections(path)
        self._file: tuple[int, int] | None = None

    def get(self, ids: Sequence[str]) -> list[bytes | None]:
        """What was kept for each chunk; None where nothing is, or it cannot be read."""
        found: dict[str, bytes] = {}
        if self._is_there():
            try:
                with self._connections.reading() as db:
                    for start in range(0, len(ids), _AT_ONCE):
                        keys = [bytes.fromhex(identity) for identity in ids[start : start + _AT_ONCE]]
                        places = ",".join("?" * len(keys))
                        found.update(
                            (key.hex(), reading)
                            for key, reading in db.execute(
                                f"SELECT id, reading FROM readings WHERE id IN ({places})",  # noqa: S608
                                keys,
                            )
                            if isinstance(key, bytes) and isinstance(reading, bytes)
                        )
            except StoreError:
                self._connections.close_idle()
        return [found.get(identity) for identity in ids]

    def put(self, readings: Mapping[str, bytes], *, head: int) -> None:
        """Keeps readings for the commit after `head`; those of commits that never happened go."""
        if not readings and not self._is_there():
            return
        # Where it could not, as on a full disk, the commit itself will say so.
        self._written(readings, number=head + 1, head=head)

    def ids(self, mark: bytes = b"") -> frozenset[bytes]:
        """The chunks of which something is kept that begins with `mark`; none where it cannot be read.

        Args:
            mark: 8 bytes; or none, for all.
        """
        if self._is_there():
            try:
                with self._connections.reading() as db:
                    every = frozenset(key for (key,) in db.execute("SELECT id FROM readings"))
                    # The few of other models: theirs alone are looked at, which takes the index on marks.
                    others = db.execute(_OF_OTHERS, (mark, mark)) if mark else ()
                    return every.difference(key for (key,) in others)
            except StoreError:
                self._connections.close_idle()
        return frozenset()

    def mend(self, readings: Mapping[str, bytes]) -> bool:
        """Keeps readings of chunks that are committed, in place of those that are there; whether it could."""
        return self._written(readings, number=0, head=None)

    def keep(self, ids: Iterable[bytes], *, wait_s: float) -> bool:
        """Erases all but those of these chunks; whether no byte of the others is left in the files."""
        if not self._is_there():
            return True
        try:
            with self._connections.reading() as db:
                _prepare(db)
                kept = set(ids)
                gone = [(key,) for (key,) in db.execute("SELECT id FROM readings") if key not in kept]
                db.execute("BEGIN IMMEDIATE")
                db.executemany("DELETE FROM readings WHERE id = ?", gone)
                db.execute("COMMIT")
                reach("readings.erased")
                db.execute(f"PRAGMA busy_timeout = {max(0, int(wait_s * 1000)):d}")
                (is_busy, _, _) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._connections.close_idle()
            return not is_busy
        except CorruptIndexError:
            self.drop()
            return True
        except StoreError:
            self._connections.close_idle()
            return False

    def drop(self) -> None:
        """Takes the files away."""
        self._connections.close_idle()
        for end in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + end).unlink(missing_ok=True)

    def close(self) -> None:
        """Closes all connections."""
        self._connections.close()

    def _written(self, readings: Mapping[str, bytes], *, number: int, head: int | None) -> bool:
        """As `_write`, into a new file where the old one is damaged; whether it could."""
        for _ in range(2):
            try:
                self._write(readings, number=number, head=head)
            except CorruptIndexError:
                self.drop()
            except StoreError:
                self._connections.close_idle()
                return False
            else:
                return True
        return False

    def _write(self, readings: Mapping[str, bytes], *, number: int, head: int | None) -> None:
        """Under `number`; those after `head` go, where one is given."""
        if not self._is_there():
            sqlite_file.connect(self._path, may_create=True).close()
            self._is_there()
        with self._connections.reading() as db:
            _prepare(db)
            db.execute("BEGIN IMMEDIATE")
            for statement in _TABLES:
                db.execute(statement)
            if head is not None:
                db.execute("DELETE FROM readings WHERE number > ?", (head,))
            db.executemany(
                _PUT, ((bytes.fromhex(identity), number, reading) for identity, reading in readings.items())
            )
            reach("readings.written")
            db.execute("COMMIT")

    def _is_there(self) -> bool:
        """Whether there is a file. One that another process has put in the place of ours is opened anew."""
        try:
            info = self._path.stat()
        except OSError:
            return False
        if self._file not in (None, (info.st_dev, info.st_ino)):
            self._connections.close_idle()
        self._file = (info.st_dev, info.st_ino)
        return True


def _prepare(db: sqlite3.Connection) -> None:
    """What is lost with the power is made again; what is deleted is overwritten and gives its room back.

    The last of it has to be said before anything is in the file.
    """
    db.execute("PRAGMA auto_vacuum = FULL")
    sqlite_file.keep_log(db)
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA secure_delete = ON")
