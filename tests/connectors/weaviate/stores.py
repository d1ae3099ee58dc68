"""Stores for the tests of Weaviate: on the local server, or on the one that WEAVIATE_URL names."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import httpx
import pytest

from ragkit.store_spec import StoreSpec
from ragkit_connectors.weaviate import WeaviateStore
from ragkit_connectors.weaviate.calls import connect
from ragkit_connectors.weaviate.opening import removed
from ragkit_connectors.weaviate.server import WeaviateServer
from tests.connectors.loopback import HandedOver, Loopback
from tests.connectors.weaviate.server.service import Weaviate

URL = os.environ.get("WEAVIATE_URL")
needs_server = pytest.mark.skipif(
    not URL,
    reason="WEAVIATE_URL names no server; start one: docker run -p 8080:8080 -e "
    "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED=true -e PERSISTENCE_DATA_PATH=/data "
    "semitechnologies/weaviate:1.33.4",
)


def server_settings() -> dict[str, Any]:
    """Settings for the real server, with its key where it has one."""
    key = os.environ.get("WEAVIATE_API_KEY")
    return {"url": URL, "api_key": key} if key else {"url": URL}


class InProcessStore(WeaviateStore):
    """A store whose client hands its requests over to the local server, without a network."""

    def __init__(self, handed_over: HandedOver | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.handed_over = handed_over

    def make_client(self) -> Any:
        assert self.handed_over is not None
        return httpx.Client(base_url=self.config.url, transport=self.handed_over)


class Stores:
    """Makes stores, each with collections of its own, and removes them."""

    def __init__(self, service: Weaviate | None = None) -> None:
        self.service = service or Weaviate()
        self.server = Loopback(self.service)
        self.server.start()
        self.opened: list[WeaviateStore] = []

    def make(
        self, spec: StoreSpec | None, kind: Callable[..., WeaviateStore] = WeaviateStore, **settings: Any
    ) -> WeaviateStore:
        """An empty store; on the local server unless the settings name another."""
        name = settings.pop("name", f"Test{uuid.uuid4().hex[:12]}")
        store = kind(**{"url": self.server.url, "name": name, **settings}).open(spec)
        self.opened.append(store)
        return store

    def make_here(self, spec: StoreSpec | None, **settings: Any) -> InProcessStore:
        """The same without a network."""
        over = HandedOver(self.server)
        return cast(InProcessStore, self.make(spec, partial(InProcessStore, over), **settings))

    def close(self) -> None:
        """Closes all, and deletes what lies on a real server."""
        for store in self.opened:
            with contextlib.suppress(Exception):
                store.close()
            if store.config.url != self.server.url:
                server = WeaviateServer(store.config, partial(connect, store.config))
                removed(server)
                server.close()
        self.server.stop()
