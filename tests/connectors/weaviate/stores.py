"""Stores for the tests of Weaviate: on the local server, or on the one that WEAVIATE_URL names."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import httpx
import pytest

from ragkit_connectors.weaviate import WeaviateStore
from ragkit_connectors.weaviate.calls import connect
from ragkit_connectors.weaviate.opening import removed
from ragkit_connectors.weaviate.server import WeaviateServer
from tests.connectors.http_stores import HttpStores
from tests.connectors.loopback import HandedOver
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


class Stores(HttpStores[WeaviateStore]):
    """Stores of Weaviate, each with collections of its own."""

    kind, in_process, address, prefix = WeaviateStore, InProcessStore, "url", "Test"
    service: Weaviate

    def __init__(self, service: Weaviate | None = None) -> None:
        super().__init__(service or Weaviate())

    def remove(self, store: Any) -> None:
        server = WeaviateServer(store.config, partial(connect, store.config))
        removed(server)
        server.close()
