"""Collections for a while, and what the server says it is."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ragkit.store.abilities import Engine
from ragkit_connectors.weaviate.calls import connect
from ragkit_connectors.weaviate.opening import check_server, removed
from ragkit_connectors.weaviate.server import WeaviateServer
from ragkit_connectors.weaviate.settings import WeaviateSettings

T = TypeVar("T")
_STAND_IN = "stand-in"  # a module that no release of Weaviate has


@contextmanager
def scratch_place(
    settings: WeaviateSettings, name: str, make: Callable[[WeaviateSettings], T]
) -> Iterator[T]:
    """What `make` gives for a place that nobody else knows of; it is removed at the end."""
    plain = re.sub("[^A-Za-z0-9]", "", name)[:60]
    own = settings.model_copy(update={"name": f"Scratch{plain}{uuid.uuid4().hex[:12]}"})
    try:
        yield make(own)
    finally:
        server = WeaviateServer(own, lambda: connect(own))
        try:
            removed(server)
        finally:
            server.close()


def engine_of(server: WeaviateServer) -> Engine:
    """Weaviate with its version as the server says it; or that something stands in for it."""
    said = check_server(server)
    is_real = _STAND_IN not in (said.get("modules") or {})
    stand_in = "" if is_real else "a local server that imitates its protocol"
    return Engine("Weaviate", version=str(said["version"]), stand_in=stand_in)
