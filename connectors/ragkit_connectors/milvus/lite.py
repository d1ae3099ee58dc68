"""Milvus Lite within this process: one engine for each folder, ended with the last store that uses it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragkit.errors import MissingExtraError, StoreError
from ragkit_connectors.milvus.errors import shortened


@dataclass(slots=True)
class Engine:
    """One that runs.

    Args:
        guard: lets one call in at a time; the engine's writes do not stand others beside them.
    """

    server: Any
    database: Any
    port: int
    n_users: int = 1
    guard: threading.RLock = field(default_factory=threading.RLock)


_engines: dict[str, Engine] = {}
_lock = threading.Lock()


def started(path: str | Path, where: str) -> Engine:
    """The engine of a folder, on a port of this machine's loopback that the system chooses.

    Raises:
        StoreError: another process has the folder, or it is none of Milvus Lite.
    """
    # The engine is built on the client's messages, and is a dependency of the extra beside it.
    try:
        from milvus_lite.adapter.grpc.server import start_server_in_thread
    except ImportError as e:
        raise MissingExtraError("store/milvus with path", package="milvus_lite", extra="milvus-lite") from e

    name = str(Path(path).resolve())
    with _lock:
        engine = _engines.get(name)
        if engine is not None:
            engine.n_users += 1
            return engine
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        try:
            server, database, port = start_server_in_thread(name)
        except Exception as e:
            raise StoreError(
                f"{where}: cannot be opened ({shortened(e)}). A folder has one process; for more, start a "
                "server and set uri. What the older Milvus Lite made in one file is not read"
            ) from e
        _engines[name] = Engine(server, database, port)
        return _engines[name]


def released(path: str | Path) -> None:
    """Gives an engine back. The last one stops it, and another process may have the folder."""
    name = str(Path(path).resolve())
    with _lock:
        engine = _engines.get(name)
        if engine is None:
            return
        engine.n_users -= 1
        if engine.n_users:
            return
        del _engines[name]
        engine.server.stop(grace=2).wait()
        engine.database.close()
