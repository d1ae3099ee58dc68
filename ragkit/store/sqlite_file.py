"""How a SQLite file of an index is opened, and what its errors mean: what knows SQLite's settings."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from ragkit.errors import CorruptIndexError, StoreError, TransientStoreError

# What SQLite's module raises; a message that quotes a damaged name is itself no text any more.
FAILURES = (sqlite3.DatabaseError, UnicodeDecodeError)
Stamp = tuple[int, int, bool]


def connect(path: Path, *, may_create: bool = False) -> sqlite3.Connection:
    """A connection to a file. A commit is on disk when it returns (`synchronous = FULL`).

    Raises:
        StoreError: it cannot be opened.
    """
    mode = "mode=rwc" if may_create else _mode_of(path)
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?{mode}",
            uri=True,
            timeout=30,
            isolation_level=None,
            check_same_thread=False,
        )
    except FAILURES as e:
        raise explain(e, path) from e
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA trusted_schema = OFF")
    except FAILURES as e:
        connection.close()
        raise explain(e, path) from e
    return connection


def keep_log(connection: sqlite3.Connection, *, timeout_s: float = 30.0) -> None:
    """Lets a file be read while it is written (WAL), whoever else opens it at the same moment.

    SQLite does not wait where two connections ask a new file for this at once: one of them is told that the
    file is locked, whatever its timeout (https://www.sqlite.org/c3ref/busy_handler.html, on deadlocks).

    Args:
        connection: outside a transaction.
        timeout_s: how long to wait for the others.

    Raises:
        sqlite3.Error: the file is no database, or still locked then.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as e:
            is_busy = e.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def _mode_of(path: Path) -> str:
    """How an existing file can be opened: to write where that is possible, else to read.

    SQLite keeps a lock file beside a database in WAL mode even for readers. In a folder that cannot be
    written (an index in an image, a read-only mount) it must be told that nothing changes.
    """
    if os.access(path.parent, os.W_OK) or not path.exists():
        return "mode=rw"
    return "mode=ro&immutable=1" if is_unchanging(path) else "mode=ro"


def is_unchanging(path: Path) -> bool:
    """Whether a file can only be read as one that nobody writes to: no log is there or can be made.

    It is one as long as its stamp stays the same.
    """
    return not os.access(path.parent, os.W_OK) and path.exists() and not _log_of(path).exists()


def stamp_of(path: Path) -> Stamp:
    """What is another once somebody has written to a file: its time, its size, whether it has a log."""
    try:
        info = path.stat()
    except OSError:
        return (0, 0, False)
    return (info.st_mtime_ns, info.st_size, _log_of(path).exists())


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def is_read_only(error: sqlite3.DatabaseError | UnicodeDecodeError) -> bool:
    """Whether a connection cannot write and never will: where the disk failed, it has the log open to read.

    After any other failure it goes on being used: on a full disk a new one could not even be opened.
    """
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_READONLY


def explain(error: sqlite3.DatabaseError | UnicodeDecodeError, path: Path) -> StoreError:
    """Our error for one of SQLite's, with what mends it."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    # Without a code it is Python's own: a text that is no UTF-8 any more. Our statements are right for the
    # tables as they were made, so one that SQLite cannot read (SQLITE_ERROR) means that these have changed.
    is_garbled = code is None and isinstance(error, sqlite3.OperationalError | UnicodeDecodeError)
    if is_garbled or primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR):
        return CorruptIndexError(
            f"{path}: the database cannot be read ({error}). Restore the folder from a copy, "
            "or ingest again into a new folder"
        )
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return TransientStoreError(f"{path}: the database is busy ({error}). Try again")
    if primary in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return TransientStoreError(f"{path}: the disk failed or is full ({error}). Free space and try again")
    return StoreError(f"{path}: the database cannot be used ({error}). Check the folder and its permissions")
