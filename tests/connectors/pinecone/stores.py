"""Stores for the tests of Pinecone: on the local server, or in the index that PINECONE_HOST names."""

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
from ragkit_connectors.pinecone import PineconeStore
from ragkit_connectors.pinecone.calls import VERSION, connect
from ragkit_connectors.pinecone.opening import removed
from ragkit_connectors.pinecone.server import PineconeServer
from tests.connectors.loopback import HandedOver, Loopback
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


class Stores:
    """Makes stores, each with namespaces of its own, and removes them."""

    def __init__(self, service: Pinecone | None = None) -> None:
        self.service = service or Pinecone(0)
        self.server = Loopback(self.service)
        self.server.start()
        self.opened: list[PineconeStore] = []

    def make(
        self, spec: StoreSpec | None, kind: Callable[..., PineconeStore] = PineconeStore, **settings: Any
    ) -> PineconeStore:
        """An empty store; on the local server, whose index is of the first one's dimension, or another."""
        name = settings.pop("name", f"test-{uuid.uuid4().hex[:12]}")
        if spec is not None and not self.service.dimension:
            self.service.dimension = spec.dimension
        store = kind(**{"host": self.server.url, "name": name, **settings}).open(spec)
        self.opened.append(store)
        return store

    def make_here(self, spec: StoreSpec | None, **settings: Any) -> InProcessStore:
        """The same without a network."""
        over = HandedOver(self.server)
        return cast(InProcessStore, self.make(spec, partial(InProcessStore, over), **settings))

    def close(self) -> None:
        """Closes all, and deletes what lies in a real index."""
        for store in self.opened:
            with contextlib.suppress(Exception):
                store.close()
            if store.config.host != self.server.url:
                server = PineconeServer(store.config, partial(connect, store.config))
                removed(server)
                server.close()
        self.server.stop()
