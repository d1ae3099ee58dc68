"""Stores for the tests of Qdrant: in the client's local mode, or on the server that QDRANT_URL names."""

from __future__ import annotations

import contextlib
import os
import uuid
from typing import Any

import pytest

from ragkit.store_spec import StoreSpec
from ragkit_connectors.qdrant import QdrantStore
from ragkit_connectors.qdrant.client import connect

URL = os.environ.get("QDRANT_URL")
needs_server = pytest.mark.skipif(
    not URL,
    reason="QDRANT_URL names no server; start one: docker run -p 6333:6333 -p 6334:6334 qdrant/qdrant",
)


def server_settings() -> dict[str, Any]:
    """Settings for the server, with its key where it has one."""
    key = os.environ.get("QDRANT_API_KEY")
    return {"url": URL, **({"api_key": key} if key else {})}


ON_SERVER = pytest.param(server_settings(), marks=needs_server, id="server")


class Stores:
    """Makes stores, each with collections of its own, and removes them."""

    def __init__(self) -> None:
        self.opened: list[QdrantStore] = []

    def make(self, spec: StoreSpec, kind: type[QdrantStore] = QdrantStore, **settings: Any) -> QdrantStore:
        """An empty store; in memory unless the settings name another place."""
        place = {} if {"url", "path"} & set(settings) else {"location": ":memory:"}
        name = settings.pop("collection", f"test-{uuid.uuid4().hex[:12]}")
        store = kind(collection=name, **place, **settings).open(spec)
        self.opened.append(store)
        return store

    def close(self) -> None:
        """Closes all, and deletes what lies on a server."""
        for store in self.opened:
            with contextlib.suppress(Exception):
                store.close()
            if store.config.url is not None:
                client = connect(store.config)
                for name in (store.config.collection, store.config.meta):
                    client.delete_collection(name)
                client.close()
