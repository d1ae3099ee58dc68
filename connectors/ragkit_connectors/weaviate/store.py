"""`store/weaviate`: collections of a Weaviate server as the collection sees them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from ragkit.protocols import Capabilities
from ragkit.store.abilities import Engine
from ragkit.store.remote.store import RemoteStore
from ragkit.store_spec import StoreSpec
from ragkit_connectors.weaviate.calls import connect
from ragkit_connectors.weaviate.opening import opened
from ragkit_connectors.weaviate.scratch import engine_of, scratch_place
from ragkit_connectors.weaviate.server import WeaviateServer
from ragkit_connectors.weaviate.settings import WeaviateSettings

# `ne` and `not_in` are in part: that the field is there. See `tokens.without_denials`.
_PUSHED_DOWN = frozenset({"eq", "in", "exists"})


class WeaviateStore(RemoteStore[WeaviateServer]):
    """An index on a Weaviate server: many readers, one writer, on any number of machines.

    Made with its settings, usable once opened:

        store = WeaviateStore(url="http://localhost:8080", name="Support")
        store.open(StoreSpec("mini", embedder_fingerprint="v1", dimension=384, fields=fields))
    """

    use = "store/weaviate"
    Config = WeaviateSettings

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked(self.use, settings)

    def make_client(self) -> Any:
        """The HTTP client that all requests go through."""
        return connect(self.config)

    def make_server(self) -> WeaviateServer:
        """What all calls go through."""
        return WeaviateServer(self.config, self.make_client)

    def prepared(self, server: WeaviateServer, spec: StoreSpec | None, *, create: bool) -> StoreSpec:
        """The spec of the index in its collections; see `opened`."""
        return opened(server, spec, create=create)

    def compared_below(self, server: WeaviateServer) -> int | None:
        """As it is set, as far as the server itself compares with all; None with `index: flat`."""
        return None if self.config.index == "flat" else min(self.config.exact_below, server.all_compared)

    @property
    def capabilities(self) -> Capabilities:
        """BM25, and exact search with `index: flat`, else where few chunks may be seen.

        Of the other operators of filters the server is told a bound, and the rest is judged here.
        """
        is_exact = self.config.index == "flat"
        return Capabilities(self.use, filters=_PUSHED_DOWN, exact_dense=is_exact, sparse=True)

    def engine(self) -> Engine:
        """Weaviate as the server says, or that something stands in for it."""
        return engine_of(self._server)

    def scratch(self, name: str) -> AbstractContextManager[WeaviateStore]:
        """A store with collections of its own on the same server, which are deleted when the block ends."""
        return scratch_place(self.config, name, lambda own: type(self)(**own.as_keywords()))
