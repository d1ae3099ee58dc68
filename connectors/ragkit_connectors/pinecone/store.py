"""`store/pinecone`: namespaces of a Pinecone index as the collection sees them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from ragkit.protocols import Capabilities
from ragkit.store.abilities import Engine
from ragkit.store.remote.store import RemoteStore
from ragkit.store_spec import StoreSpec
from ragkit_connectors.pinecone.calls import connect
from ragkit_connectors.pinecone.opening import opened
from ragkit_connectors.pinecone.scratch import engine_of, scratch_place
from ragkit_connectors.pinecone.server import PineconeServer
from ragkit_connectors.pinecone.settings import PineconeSettings

_PUSHED_DOWN = frozenset({"eq", "in", "exists"})


class PineconeStore(RemoteStore[PineconeServer]):
    """An index in a Pinecone index: many readers, one writer, on any number of machines.

    Made with its settings, usable once opened:

        store = PineconeStore(host="https://rag-abc123.svc.aped-4627-b74a.pinecone.io", api_key="…")
        store.open(StoreSpec("mini", embedder_fingerprint="v1", dimension=384, fields=fields))
    """

    use = "store/pinecone"
    Config = PineconeSettings

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked(self.use, settings)

    def make_client(self) -> Any:
        """The HTTP client that all requests go through."""
        return connect(self.config)

    def make_server(self) -> PineconeServer:
        """What all calls go through."""
        return PineconeServer(self.config, self.make_client)

    def prepared(self, server: PineconeServer, spec: StoreSpec | None, *, create: bool) -> StoreSpec:
        """The spec of the index in its namespaces; see `opened`."""
        return opened(server, spec, create=create)

    def compared_below(self, server: PineconeServer) -> int | None:
        """As it is set."""
        return self.config.exact_below

    @property
    def capabilities(self) -> Capabilities:
        """BM25, and exact search where few chunks may be seen.

        Of the other operators of filters the server is told a bound, and the rest is judged here.
        """
        return Capabilities(self.use, filters=_PUSHED_DOWN, exact_dense=False, sparse=True)

    def engine(self) -> Engine:
        """Pinecone, or that something stands in for it."""
        return engine_of(self.config)

    def scratch(self, name: str) -> AbstractContextManager[PineconeStore]:
        """A store with namespaces of its own in the same index, which are deleted when the block ends."""
        return scratch_place(self.config, name, lambda own: type(self)(**own.as_keywords()))
