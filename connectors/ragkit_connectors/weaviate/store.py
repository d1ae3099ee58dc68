"""`store/weaviate`: collections of a Weaviate server as the collection sees them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from ragkit.protocols import Analyzer, Capabilities, RankerFactory
from ragkit.store.abilities import Engine
from ragkit.store.bm25.own import own_formula
from ragkit.store.remote.store import RemoteStore
from ragkit.store_spec import StoreSpec
from ragkit_connectors.weaviate.calls import connect
from ragkit_connectors.weaviate.opening import opened
from ragkit_connectors.weaviate.scratch import engine_of, scratch_place
from ragkit_connectors.weaviate.server import WeaviateServer
from ragkit_connectors.weaviate.settings import WeaviateSettings

# `ne` and `not_in` are in part: that the field is there. See `tokens.without_denials`.
_PUSHED_DOWN = frozenset({"eq", "in", "exists"})


class WeaviateStore(RemoteStore):
    """An index on a Weaviate server: many readers, one writer, on any number of machines.

    Made with its settings, usable once opened:

        store = WeaviateStore(url="http://localhost:8080", name="Support")
        store.open(StoreSpec("mini", embedder_fingerprint="v1", dimension=384, fields=fields))
    """

    use = "store/weaviate"
    Config = WeaviateSettings
    _server: WeaviateServer

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked(self.use, settings)

    def make_client(self) -> Any:
        """The HTTP client that all requests go through."""
        return connect(self.config)

    def open(
        self,
        spec: StoreSpec | None = None,
        *,
        create: bool = True,
        bm25: RankerFactory | None = None,
        analyzer: Analyzer | None = None,
    ) -> WeaviateStore:
        """Connects, and makes the collections where there are none.

        Args:
            spec: what the index is for; None opens an existing one as it was made.
            create: whether a server without the index may get one.
            bm25: our own BM25 with its parameters; with the default ones if None.
            analyzer: not used.

        Raises:
            ConfigError: the index was made with something else, or a setting does not fit.
            StoreError: the server cannot be reached or is too old, the collections were made by something
                else, or there is no index and none may be made.
        """
        formula = own_formula(bm25, self.use)
        server = WeaviateServer(self.config, self.make_client)
        try:
            spec = opened(server, spec, create=create)
        except BaseException:
            server.close()
            raise
        is_flat = self.config.index == "flat"
        below = None if is_flat else min(self.config.exact_below, server.all_compared)
        self.serve(server, spec, formula, exact_below=below)
        return self

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
