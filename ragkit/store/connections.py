"""Connections to a SQLite file: one for each reader at a time, kept for the next, not shared over a fork."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ragkit.errors import StoreError, TransientStoreError
from ragkit.store import sqlite_file


def _close_idle(idle: list[sqlite3.Connection], process: int) -> None:
    if process == os.getpid():
        for connection in idle:
            connection.close()
        idle.clear()


class Connections:
    """Any number of threads may read at once, each on a connection of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: list[sqlite3.Connection] = []
        # One that nobody closed is closed when the last reference to it goes.
        weakref.finalize(self, _close_idle, self._idle, os.getpid())
        self._inherited: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._closed = False
        self._unchanging: sqlite_file.Stamp | None = None
        # How often idle ones were closed: one that was in use then is closed too, when its block ends.
        self._age = 0

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for the time of a block; SQLite's errors come out as ours."""
        (connection, age), is_usable = self._take(), True
        try:
            yield connection
        except sqlite_file.FAILURES as e:
            is_usable = not sqlite_file.is_read_only(e)
            self._check_unchanged()
            raise sqlite_file.explain(e, self.path) from e
        finally:
            self._give_back(connection, age, is_usable=is_usable)
        self._check_unchanged()

    def check_open(self) -> None:
        """Raises StoreError once `close` was called."""
        if self._closed:
            raise StoreError(f"{self.path.parent}: this store was closed. Open it again")

    def close(self) -> None:
        """Closes all connections, one that is in use when its block ends."""
        with self._lock:
            self._closed = True
        self.close_idle()

    def close_idle(self) -> None:
        """Closes each when nobody reads from it any more; the next reader gets a new one."""
        with self._lock:
            self._age += 1
            idle = list(self._idle)
            self._idle.clear()
        for connection in idle:
            connection.close()

    def _take(self) -> tuple[sqlite3.Connection, int]:
        if self._process != os.getpid():
            self._leave_to_parent()
        if self._unchanging is not None and self._unchanging != sqlite_file.stamp_of(self.path):
            # Somebody writes after all: what these connections believe of the file is no longer so.
            self._unchanging = None
            self.close_idle()
        with self._lock:
            self.check_open()
            age = self._age
            if self._idle:
                return self._idle.pop(), age
        stamp = sqlite_file.stamp_of(self.path) if sqlite_file.is_unchanging(self.path) else None
        connection = sqlite_file.connect(self.path)
        self._unchanging = stamp
        return connection, age

    def _check_unchanged(self) -> None:
        """What was read as a file that nobody writes to may be anything once somebody does."""
        if self._unchanging is not None and self._unchanging != sqlite_file.stamp_of(self.path):
            raise TransientStoreError(
                f"{self.path.parent}: the index was written to while it was read. Try again"
            )

    def _give_back(self, connection: sqlite3.Connection, age: int, *, is_usable: bool) -> None:
        if connection.in_transaction:
            try:
                connection.execute("ROLLBACK")
            except sqlite3.Error:
                is_usable = False
        with self._lock:
            if is_usable and age == self._age and not self._closed:
                self._idle.append(connection)
                return
        # Only now: to close a connection that another thread is reading from crashes the interpreter.
        connection.close()

    def _leave_to_parent(self) -> None:
        """After a fork: SQLite's connections, and a lock that a thread of the parent held, stay with it."""
        self._inherited, self._idle = [*self._inherited, *self._idle], []
        weakref.finalize(self, _close_idle, self._idle, os.getpid())
        self._lock, self._process = threading.Lock(), os.getpid()
