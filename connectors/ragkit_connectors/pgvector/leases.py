"""Who reads which commit: shared advisory locks, which the server frees when their holder's connection ends.

A process holds all its commits on one connection, beside the pool, for a question may take long and shall not
keep a reading connection busy. Nothing is written, and no reader ever waits.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from ragkit.errors import StoreError
from ragkit_connectors.pgvector.database import Database

if TYPE_CHECKING:
    from psycopg import Connection

# Two numbers of 32 bits, the schema's and the commit's: another space of locks than the writer's.
_HOLD = "SELECT pg_advisory_lock_shared(to_regnamespace(quote_ident(%s))::oid::bigint::bit(32)::int, %s::int)"
_RELEASE = (
    "SELECT pg_advisory_unlock_shared(to_regnamespace(quote_ident(%s))::oid::bigint::bit(32)::int, %s::int)"
)
_OLDEST = """
SELECT min(objid::bigint) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND objid::bigint < %s
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND classid = to_regnamespace(quote_ident(%s))::oid
"""


class Leases:
    """The commits that this process reads, and the oldest that anybody reads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._begin()

    def _begin(self) -> None:
        self._held: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._connection: Connection[Any] | None = None
        self._process = os.getpid()

    @contextmanager
    def hold(self, commit: int) -> Iterator[None]:
        """Keeps a commit from being collected for the time of a block."""
        if self._process != os.getpid():
            self._begin()  # after a fork: what is held stays with the parent
        with self._lock:
            connection = self._living()
            if self._held[commit] == 0:
                self._ask(connection, _HOLD, commit)
            self._held[commit] += 1
        try:
            yield
        finally:
            if self._process == os.getpid():
                self._give_back(commit)

    def oldest(self, connection: Connection[Any], *, before: int) -> int:
        """The oldest commit below `before` that anybody reads; `before` if nobody reads an older one."""
        row = connection.execute(_OLDEST, (before, self._database.settings.name)).fetchone()
        return before if row is None or row[0] is None else int(row[0])

    def close(self) -> None:
        """Gives up all that is held."""
        if self._process == os.getpid():
            with self._lock:
                self._held.clear()
                self._stop()

    def _give_back(self, commit: int) -> None:
        with self._lock:
            if not self._held[commit]:
                return  # closed meanwhile
            self._held[commit] -= 1
            if self._held[commit] == 0:
                del self._held[commit]
                if self._connection is None:
                    return  # it was lost, and the server has freed what it held
                try:
                    self._ask(self._connection, _RELEASE, commit)
                except StoreError:
                    self._stop()

    def _living(self) -> Connection[Any]:
        """A connection that was there a moment ago; a new one takes again what a lost one held."""
        import psycopg

        if self._connection is not None:
            try:
                self._connection.execute("SELECT 1")
                return self._connection
            except psycopg.Error:
                pass
        self._stop()
        connection = self._stack.enter_context(self._database.own())
        for commit in self._held:
            self._ask(connection, _HOLD, commit)
        self._connection = connection
        return connection

    def _ask(self, connection: Connection[Any], statement: str, commit: int) -> None:
        with self._database.explained():
            connection.execute(statement, (self._database.settings.name, commit))

    def _stop(self) -> None:
        self._connection = None
        self._stack.close()
        self._stack = ExitStack()
