"""One writer at a time: an advisory lock of the server, on the connection that the writer writes with.

Whoever loses the connection loses lock and transaction together, so nobody ever writes without the lock. It
is not taken again within the same block, for others may have written meanwhile.
"""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ragkit.errors import CorruptIndexError, StoreError, TransientStoreError
from ragkit_connectors.pgvector.database import Database

if TYPE_CHECKING:
    from psycopg import Connection

KEY = 0x52_41_47_4B  # "RAGK": the upper half of the key, the lower half is the schema's number
_TAKE = "SELECT pg_try_advisory_lock((%s::bigint << 32) | to_regnamespace(quote_ident(%s))::oid::bigint)"
_HOLDER = """
SELECT a.pid, a.application_name, a.usename::text, coalesce(host(a.client_addr), 'the server itself')
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.classid = %s AND l.objid = to_regnamespace(quote_ident(%s))::oid
"""


class WriterLock:
    """The right to write an index, with the connection for it. Reentrant within a thread; others wait."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = threading.RLock()
        self._depth = 0
        self._held = ExitStack()
        self._connection: Connection[Any] | None = None
        self._process = os.getpid()

    def __enter__(self) -> Connection[Any]:
        if self._process != os.getpid():
            # After a fork: what is held, and the right to it, stay with the parent.
            self.__init__(self._database)  # type: ignore[misc]
        self._threads.acquire()
        try:
            if self._depth == 0:
                self._take()
            elif self._connection is None or self._connection.closed:
                raise self._lost()
        except BaseException:
            self._threads.release()
            raise
        self._depth += 1
        assert self._connection is not None
        return self._connection

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process != os.getpid():
            return
        self._depth -= 1
        try:
            if self._depth == 0:
                self._let_go()
        finally:
            self._threads.release()

    def _take(self) -> None:
        self._let_go()
        with ExitStack() as stack:
            connection = stack.enter_context(self._database.own())
            name = self._database.settings.name
            (is_taken,) = connection.execute(_TAKE, (KEY, name)).fetchone() or (False,)
            if is_taken is None:  # a schema that is not there has no number, and its lock none either
                raise CorruptIndexError(
                    f"{self._database.where}: the index's schema is gone. Restore it from a backup, or "
                    "ingest again"
                )
            if not is_taken:
                raise self._refusal(connection)
            self._connection, self._held = connection, stack.pop_all()

    def _let_go(self) -> None:
        import psycopg

        connection, self._connection = self._connection, None
        if connection is not None and not connection.closed:
            # Told: a server under load takes its time to notice that a connection was closed.
            with suppress(psycopg.Error):
                connection.execute("SELECT pg_advisory_unlock_all()")
        self._held.close()

    def _lost(self) -> StoreError:
        return StoreError(
            f"{self._database.where}: the connection that held the right to write was lost, and another "
            "process may have written since. Leave the block that holds it (PgvectorStore.writing()), and "
            "begin again"
        )

    def _refusal(self, connection: Connection[Any]) -> TransientStoreError:
        row = connection.execute(_HOLDER, (KEY, self._database.settings.name)).fetchone()
        who = (
            "another process"
            if row is None
            else f"{row[1] or 'a client'} of {row[2]} at {row[3]} (backend {row[0]})"
        )
        return TransientStoreError(
            f"{self._database.where}: {who} is writing to this index, and an index has one writer. Wait "
            "until it is done, or stop it; reading goes on meanwhile"
        )
