"""Collections for a while, and what the server says it is."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ragkit.store.abilities import Engine
from ragkit.store.remote.server import CHUNKS, RECORDS
from ragkit_connectors.milvus.opening import version_of
from ragkit_connectors.milvus.server import MilvusServer
from ragkit_connectors.milvus.settings import MilvusSettings

T = TypeVar("T")


@contextmanager
def scratch_place(
    settings: MilvusSettings,
    name: str,
    make: Callable[[MilvusSettings], T],
    make_client: Callable[[str], Any],
) -> Iterator[T]:
    """What `make` gives for a place that nobody else knows of; it is removed at the end."""
    unique = f"{name[:60]}_{uuid.uuid4().hex[:12]}"
    if settings.path is not None:
        folder = Path(str(settings.path)).absolute().with_name(f"{unique}.db")
        try:
            yield make(settings.model_copy(update={"path": folder}))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    own = settings.model_copy(update={"collection": unique})
    try:
        yield make(own)
    finally:
        removed(own, make_client)


def removed(settings: MilvusSettings, make_client: Callable[[str], Any]) -> None:
    """Deletes all collections of an index."""
    server = MilvusServer(settings, make_client)
    try:
        for name in (server.named(CHUNKS), server.named(RECORDS), *server.turn.names()):
            server.call("drop_collection", name)
    finally:
        server.close()


def engine_of(server: MilvusServer) -> Engine:
    """Milvus or Milvus Lite, with its version as it says it itself."""
    version = version_of(server)
    kind, _, number = version.rpartition("-") if "lite" in version else ("", "", version)
    return Engine("Milvus Lite" if kind else "Milvus", version=number.removeprefix("v"))
