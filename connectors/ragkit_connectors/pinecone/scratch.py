"""Namespaces for a while, and what the server says it is."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import urlsplit

from ragkit.store.abilities import Engine
from ragkit_connectors.pinecone.calls import VERSION, connect
from ragkit_connectors.pinecone.opening import removed
from ragkit_connectors.pinecone.server import PineconeServer
from ragkit_connectors.pinecone.settings import PineconeSettings

T = TypeVar("T")


@contextmanager
def scratch_place(
    settings: PineconeSettings, name: str, make: Callable[[PineconeSettings], T]
) -> Iterator[T]:
    """What `make` gives for a place that nobody else knows of; it is removed at the end."""
    own = settings.model_copy(update={"name": f"{name[:60]}-{uuid.uuid4().hex[:12]}"})
    try:
        yield make(own)
    finally:
        server = PineconeServer(own, lambda: connect(own))
        try:
            removed(server)
        finally:
            server.close()


def engine_of(settings: PineconeSettings) -> Engine:
    """Pinecone, which tells no version of its own; or that something stands in for it."""
    is_real = (urlsplit(settings.host).hostname or "").endswith(".pinecone.io")
    stand_in = "" if is_real else "a server whose host is none of Pinecone's"
    return Engine("Pinecone", version=f"API {VERSION}", stand_in=stand_in)
