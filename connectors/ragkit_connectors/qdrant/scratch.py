"""Collections for a while, and what Qdrant says it is."""

from __future__ import annotations

import importlib.metadata
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ragkit.store.abilities import Engine
from ragkit_connectors.qdrant.client import ByClient, connect
from ragkit_connectors.qdrant.server import QdrantServer
from ragkit_connectors.qdrant.settings import QdrantSettings

T = TypeVar("T")
_STAND_IN = "-stand-in"  # at the end of the version of what is no server of Qdrant


@contextmanager
def scratch_place(settings: QdrantSettings, name: str, make: Callable[[QdrantSettings], T]) -> Iterator[T]:
    """What `make` gives for a place that nobody else knows of; it is removed at the end."""
    unique = f"{name[:60]}_{uuid.uuid4().hex[:12]}"
    if settings.path is not None:
        # A folder of its own, for a folder has one process.
        folder = Path(str(settings.path)).absolute().with_name(unique)
        try:
            yield make(settings.model_copy(update={"path": folder}))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    own = settings.model_copy(update={"collection": unique})
    try:
        yield make(own)
    finally:
        if not own.is_local:
            _remove(own)


def _remove(settings: QdrantSettings) -> None:
    server = QdrantServer(settings, ByClient(connect(settings), is_local=settings.is_local))
    try:
        for name in (settings.collection, settings.meta):
            server.call("drop", name)
    finally:
        server.close()


def engine_of(settings: QdrantSettings, server: QdrantServer) -> Engine:
    """Qdrant with its version: as the server says it, or as the package of the engine does.

    The client's local mode stands in for it.
    """
    if settings.is_edge:
        return Engine("Qdrant", version=f"edge {importlib.metadata.version('qdrant-edge-py')}")
    if settings.is_local:
        mode = f"local mode of qdrant-client {importlib.metadata.version('qdrant-client')}"
        return Engine("Qdrant", version=f"({mode})", stand_in=f"the {mode}")
    version = server.call("version")
    stand_in = "a local server that imitates its protocol" if version.endswith(_STAND_IN) else ""
    return Engine("Qdrant", version=version, stand_in=stand_in)
