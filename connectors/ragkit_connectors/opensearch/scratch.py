"""Indexes for a while, and what the server says it is."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ragkit.store.abilities import Engine
from ragkit_connectors.opensearch.calls import Calls, connect
from ragkit_connectors.opensearch.opening import check_server
from ragkit_connectors.opensearch.server import OpenSearchServer
from ragkit_connectors.opensearch.settings import OpenSearchSettings

T = TypeVar("T")
_STAND_IN = "stand-in"  # as what a server was built that is none: no release of OpenSearch says so


@contextmanager
def scratch_place(
    settings: OpenSearchSettings, name: str, make: Callable[[OpenSearchSettings], T]
) -> Iterator[T]:
    """What `make` gives for a place that nobody else knows of; it is removed at the end."""
    unique = f"{name[:60].lower()}_{uuid.uuid4().hex[:12]}"
    own = settings.model_copy(update={"name": unique})
    try:
        yield make(own)
    finally:
        calls = Calls(own, lambda: connect(own))
        try:
            calls.request("DELETE", f"/{own.name},{own.records}", ignore_unavailable=True)
        finally:
            calls.close()


def engine_of(server: OpenSearchServer) -> Engine:
    """OpenSearch with its version as the server says it; or that something stands in for it."""
    said = check_server(server)
    is_real = said.get("build_type") != _STAND_IN
    stand_in = "" if is_real else "a local server that imitates its protocol"
    return Engine("OpenSearch", version=str(said["number"]), stand_in=stand_in)
