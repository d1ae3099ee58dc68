"""`store/milvus`: collections of Milvus as the ragkit collection sees them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from ragkit.protocols import Capabilities
from ragkit.store.abilities import Engine
from ragkit.store.remote.bounds import PUSHED_DOWN
from ragkit.store.remote.store import RemoteStore
from ragkit.store_spec import StoreSpec
from ragkit_connectors.milvus.calls import connect
from ragkit_connectors.milvus.opening import opened
from ragkit_connectors.milvus.scratch import engine_of, scratch_place
from ragkit_connectors.milvus.server import MilvusServer
from ragkit_connectors.milvus.settings import MilvusSettings


class MilvusStore(RemoteStore[MilvusServer]):
    """An index on a Milvus server, or in a folder of Milvus Lite within this process.

    On a server: many readers, one writer, on any number of machines. Made with its settings, usable once
    opened:

        store = MilvusStore(uri="http://localhost:19530", collection="support")
        store.open(StoreSpec("mini", embedder_fingerprint="v1", dimension=384, fields=fields))
    """

    use = "store/milvus"
    Config = MilvusSettings

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked(self.use, settings)

    def make_client(self, uri: str) -> Any:
        """The client that all calls go through."""
        return connect(self.config, uri)

    def make_server(self) -> MilvusServer:
        """What all calls go through."""
        return MilvusServer(self.config, self.make_client)

    def prepared(self, server: MilvusServer, spec: StoreSpec | None, *, create: bool) -> StoreSpec:
        """The spec of the index in its collections; see `opened`."""
        return opened(server, spec, create=create)

    def compared_below(self, server: MilvusServer) -> int | None:
        """As it is set; None with `index: flat`."""
        return None if self.config.index == "flat" else self.config.exact_below

    @property
    def capabilities(self) -> Capabilities:
        """BM25, and exact search with `index: flat`, else where few chunks may be seen.

        Of the other operators of filters the server is told a bound, and the rest is judged here.
        """
        is_exact = self.config.index == "flat"
        return Capabilities(self.use, filters=PUSHED_DOWN, exact_dense=is_exact, sparse=True)

    def purge(self) -> None:
        """Asks Milvus to compact, which decides when the bytes leave its files and its object storage."""
        self._server.purge()

    def engine(self) -> Engine:
        """Milvus or Milvus Lite, as it says."""
        return engine_of(self._server)

    def scratch(self, name: str) -> AbstractContextManager[MilvusStore]:
        """A store with collections or a folder of its own, which are deleted when the block ends."""
        return scratch_place(self.config, name, lambda own: type(self)(**own.as_keywords()), self.make_client)
