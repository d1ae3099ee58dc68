"""`store/qdrant`: two collections of Qdrant, on a server or in the process, as the collection sees them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from ragkit.protocols import Capabilities
from ragkit.store.abilities import Compaction, Engine
from ragkit.store.remote.bounds import PUSHED_DOWN
from ragkit.store.remote.store import RemoteStore
from ragkit.store_spec import StoreSpec
from ragkit_connectors.qdrant.client import ByClient, connect
from ragkit_connectors.qdrant.edge import ByEngine
from ragkit_connectors.qdrant.opening import opened
from ragkit_connectors.qdrant.port import Qdrant
from ragkit_connectors.qdrant.scratch import engine_of, scratch_place
from ragkit_connectors.qdrant.server import QdrantServer
from ragkit_connectors.qdrant.settings import QdrantSettings


class QdrantStore(RemoteStore[QdrantServer]):
    """An index on a Qdrant server, for any number of machines; or in Qdrant's engine within the process.

    Made with its settings, usable once opened:

        store = QdrantStore(url="http://localhost:6333", collection="support")
        store = QdrantStore(engine="edge", path="index/")  # without a server
        store.open(StoreSpec("mini", embedder_fingerprint="v1", dimension=384, fields=fields))
    """

    use = "store/qdrant"
    Config = QdrantSettings

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked(self.use, settings)

    def make_client(self) -> Any:
        """The client that all calls go through, where there is one."""
        return connect(self.config)

    def _qdrant(self) -> Qdrant:
        if self.config.is_edge:
            return ByEngine(self.config)
        return ByClient(self.make_client(), is_local=self.config.is_local)

    def make_server(self) -> QdrantServer:
        """What all calls go through; where it is a server, forked processes connect anew."""
        is_shared = self.config.url is not None
        return QdrantServer(self.config, self._qdrant(), self._qdrant if is_shared else None)

    def prepared(self, server: QdrantServer, spec: StoreSpec | None, *, create: bool) -> StoreSpec:
        """The spec of the index in its collections; see `opened`."""
        return opened(server, spec, create=create)

    def compared_below(self, server: QdrantServer) -> int | None:
        """As it is set; None in local mode, which compares with all anyway."""
        return None if self.config.is_local else self.config.compared

    @property
    def capabilities(self) -> Capabilities:
        """BM25, and exact search in local mode and on a server where few chunks may be seen.

        Of the other operators of filters the server is told a bound, and the rest is judged here.
        """
        return Capabilities(self.use, filters=PUSHED_DOWN, exact_dense=self.config.is_local, sparse=True)

    def engine(self) -> Engine:
        """Qdrant as the server says, or the client's local mode, which stands in for it."""
        return engine_of(self.config, self._server)

    def scratch(self, name: str) -> AbstractContextManager[QdrantStore]:
        """A store with collections of its own on the same server, which are deleted when the block ends."""
        return scratch_place(self.config, name, lambda own: type(self)(**own.as_keywords()))

    @property
    def erases_files(self) -> bool:
        """Within the process; a server's files are its own."""
        return self.config.is_edge

    def compact(self, *, wait_s: float = 0.0) -> Compaction:
        """Deletes what no reader can see any more; see `RemoteStore.compact`.

        Within the process the engine merges its segments then, and no file holds what was to be erased.
        """
        done = super().compact(wait_s=wait_s)
        self._server.tidy(is_erased=False)
        return done

    def purge(self) -> None:
        """Within the process: copies each shard into a new one, so that no file holds what was deleted."""
        self._server.tidy(is_erased=True)
