"""Connections to one database: a pool for readers, and ones of their own for writers and holders."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragkit.errors import StoreError, TransientStoreError
from ragkit_connectors.pgvector.connecting import connect, set_up, target_of
from ragkit_connectors.pgvector.encoding import to_bytes
from ragkit_connectors.pgvector.errors import explain
from ragkit_connectors.pgvector.settings import PgSettings
from ragkit_connectors.pgvector.silence import patient

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg_pool import ConnectionPool

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_HEAD = "SELECT number, kept_from, uuid_send(token) FROM head"
_AS_TENANT = "SELECT set_config('ragkit.tenant', %s, true)"

SessionSettings = tuple[
    str, tuple[str, ...]
]  # a statement that changes settings of a session, and its values


@dataclass(frozen=True, slots=True)
class Pointer:
    """The commit pointer as of one moment.

    Args:
        number: the current commit.
        kept_from: the oldest that can still be read in full.
        token: of the last commit. No two have the same, be it of an index that was dropped and made anew:
            with it, a number tells what is remembered of a commit.
    """

    number: int
    kept_from: int
    token: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A transaction that sees the database as of one moment."""

    connection: Connection[Any]
    pointer: Pointer

    def rows(self, statement: str, values: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """What a statement gives."""
        return self.connection.execute(statement, values, binary=True).fetchall()


class Database:
    """The database that the settings name. Any number of threads may use it."""

    def __init__(self, settings: PgSettings) -> None:
        self.settings = settings
        self.target = target_of(settings)
        self.where = self.target.where
        self._pool: ConnectionPool[Any] | None = None
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._closed = False
        self._finalize: Callable[[], object] = lambda: None

    @contextmanager
    def reading(self, tenant: str | None = None) -> Iterator[Reading]:
        """A transaction for reading.

        Args:
            tenant: for whom, which row-level security is told, for another process may have turned it on
                since; None for those who look after the whole index.
        """
        with self._pooled() as connection:
            # One round trip: over a network each takes as long as a search by an index.
            with connection.pipeline():
                connection.execute(_BEGIN)
                head = connection.execute(_HEAD, binary=True)
                connection.execute(_AS_TENANT, [tenant_setting(tenant)])
            yield Reading(connection, Pointer(*head.fetchone()))  # type: ignore[misc]
            connection.execute("COMMIT")

    def once(
        self,
        statement: str,
        values: Sequence[dict[str, Any]],
        tenant: str | None,
        searched: SessionSettings | None = None,
    ) -> list[list[tuple[Any, ...]]]:
        """What one statement gives for each of some values, in one round trip.

        Args:
            tenant: for whom, as for `reading`; None where the index has no tenants, and so no policies.
            searched: how much of an index over vectors is looked at; a session keeps it, so that it is sent
                only where it changes.
        """
        with self._pooled() as connection:
            if searched == getattr(connection, "searched", None):
                searched = None
            if tenant is None and searched is None and len(values) == 1:
                return [connection.execute(statement, values[0], binary=True).fetchall()]
            # No transaction is begun: within a pipeline all is one up to its end.
            with connection.pipeline():
                if searched is not None:
                    connection.execute(*searched)
                if tenant is not None:
                    connection.execute(_AS_TENANT, [tenant_setting(tenant)])
                cursors = [connection.execute(statement, own, binary=True) for own in values]
            if searched is not None:
                connection.searched = searched  # type: ignore[attr-defined]
            return [cursor.fetchall() for cursor in cursors]

    def head(self) -> int:
        """The current commit."""
        with self._pooled() as connection:
            row = connection.execute("SELECT number FROM head").fetchone()
        return int(row[0])  # type: ignore[index]

    @contextmanager
    def own(self) -> Iterator[Connection[Any]]:
        """A connection of its own, set up, for the time of the block.

        In a child that was forked meanwhile it stays open, for closing it would end its parent's session.
        """
        self.check_open()
        connection, process = connect(self.target), os.getpid()
        try:
            with self.explained():
                set_up(connection, self.settings, self.where)
                yield connection
        finally:
            if process == os.getpid():
                connection.close()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turns psycopg's errors into ours."""
        import psycopg
        import psycopg_pool

        try:
            yield
        except psycopg_pool.PoolTimeout as e:
            # The pool does not say why; the server does, or it is there and the pool is too small.
            with self.own():
                pass
            raise TransientStoreError(
                f"{self.where}: no connection was free for {self.settings.connect_timeout_s:g} s. Try again, "
                "or raise pool_size"
            ) from e
        except psycopg_pool.PoolClosed as e:
            raise self._closed_error() from e
        except psycopg.Error as e:
            raise explain(e, self.where, self.target.hidden) from e

    def check_open(self) -> None:
        """Raises StoreError once `close` was called."""
        if self._closed:
            raise self._closed_error()

    def close(self) -> None:
        """Closes all connections."""
        with self._lock:
            self._closed = True
            if self._process == os.getpid():
                self._finalize()
            self._pool = None

    @contextmanager
    def _pooled(self) -> Iterator[Connection[Any]]:
        pool = self._opened()
        with self.explained():
            connection = pool.getconn()
            try:
                yield connection
            except BaseException:
                self._after_failure(pool, connection)
                raise
            finally:
                pool.putconn(connection)

    def _after_failure(self, pool: ConnectionPool[Any], connection: Connection[Any]) -> None:
        """Ends what was begun; where the server is gone, its other connections are looked at too."""
        import psycopg

        with contextlib.suppress(psycopg.Error):
            connection.rollback()
        connection.searched = None  # type: ignore[attr-defined]  # what was set is rolled back too
        if connection.broken:
            pool.check()
        elif connection.closed:  # for its silence, in which to ask the others would take as long for each
            pool.drain()

    def _opened(self) -> ConnectionPool[Any]:
        with self._lock:
            self.check_open()
            # After a fork connections stay with the parent.
            if self._pool is None or self._process != os.getpid():
                self._process = os.getpid()
                self._pool = self._made()
            return self._pool

    def _made(self) -> ConnectionPool[Any]:
        from psycopg_pool import ConnectionPool

        settings, where = self.settings, self.where
        pool = ConnectionPool(
            kwargs={**self.target.options, "autocommit": True},
            connection_class=patient(),
            min_size=0,
            max_size=settings.pool_size,
            configure=lambda connection: set_up(connection, settings, where, is_reader=True),
            timeout=settings.connect_timeout_s,
            reconnect_timeout=settings.connect_timeout_s,
            max_waiting=0,
            num_workers=1,
            open=True,
        )
        # One that nobody closed is closed when the last reference to it goes.
        self._finalize = weakref.finalize(self, _close_pool, pool, os.getpid())
        return pool

    def _closed_error(self) -> StoreError:
        return StoreError(f"{self.where}: this store was closed. Open it again")


def _close_pool(pool: ConnectionPool[Any], process: int) -> None:
    if process == os.getpid():
        pool.close(timeout=1.0)


def tenant_setting(tenant: str | None) -> str:
    """A tenant as the policies read it: hexadecimal, so that none can say "all of them"; None says it."""
    return "*" if tenant is None else "t" + to_bytes(tenant).hex()
