"""Stores for the tests of Pinecone: on the local server, or in the index that PINECONE_HOST names."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from ragkit.store_spec import StoreSpec
from ragkit_connectors.pinecone import PineconeStore
from ragkit_connectors.pinecone.calls import VERSION, connect
from ragkit_connectors.pinecone.opening import removed
from ragkit_connectors.pinecone.server import PineconeServer
from tests.connectors.http_stores import HttpStores
from tests.connectors.loopback import HandedOver
from tests.connectors.pinecone.server.service import Pinecone

HOST, KEY = os.environ.get("PINECONE_HOST"), os.environ.get("PINECONE_API_KEY")
needs_server = pytest.mark.skipif(
    not (HOST and KEY),
    reason="PINECONE_HOST and PINECONE_API_KEY name no index; make one with metric dotproduct "
    "and dimension 8",
)


def server_settings() -> dict[str, Any]:
    """Settings for the real index."""
    return {"host": HOST, "api_key": KEY}


class InProcessStore(PineconeStore):
    """A store whose client hands its requests over to the local server, without a network."""

    def __init__(self, handed_over: HandedOver | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.handed_over = handed_over

    def make_client(self) -> Any:
        assert self.handed_over is not None
        headers = {"x-pinecone-api-version": VERSION}
        return httpx.Client(base_url=self.config.host, transport=self.handed_over, headers=headers)


class Stores(HttpStores[PineconeStore]):
    """Stores of Pinecone, each with namespaces of its own."""

    kind, in_process, address, prefix = PineconeStore, InProcessStore, "host", "test-"
    service: Pinecone

    def __init__(self, service: Pinecone | None = None) -> None:
        super().__init__(service or Pinecone(0))

    def make(
        self, spec: StoreSpec | None, kind: Callable[..., PineconeStore] | None = None, **settings: Any
    ) -> PineconeStore:
        """An empty store; the local server's index is of the first one's dimension."""
        if spec is not None and not self.service.dimension:
            self.service.dimension = spec.dimension
        return super().make(spec, kind, **settings)

    def remove(self, store: Any) -> None:
        server = PineconeServer(store.config, partial(connect, store.config))
        removed(server)
        server.close()
