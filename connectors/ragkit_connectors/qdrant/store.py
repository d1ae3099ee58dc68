"""`store/qdrant`: two collections of a Qdrant server as the collection sees them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from ragkit.protocols import Analyzer, Capabilities, RankerFactory
from ragkit.store.abilities import Engine
from ragkit.store.bm25.own import own_formula
from ragkit.store.remote.bounds import PUSHED_DOWN
from ragkit.store.remote.store import RemoteStore
from ragkit.store_spec import StoreSpec
from ragkit_connectors.qdrant.opening import opened
from ragkit_connectors.qdrant.scratch import engine_of, scratch_place
from ragkit_connectors.qdrant.server import QdrantServer, connect
from ragkit_connectors.qdrant.settings import QdrantSettings


class QdrantStore(RemoteStore):
    """An index on a Qdrant server: many readers, one writer, on any number of machines.

    Made with its settings, usable once opened:

        store = QdrantStore(url="http://localhost:6333", collection="support")
        store.open(StoreSpec("mini", embedder_fingerprint="v1", dimension=384, fields=fields))
    """

    use = "store/qdrant"
    _server: QdrantServer
    Config = QdrantSettings

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked(self.use, settings)

    def make_client(self) -> Any:
        """The client that all calls go through."""
        return connect(self.config)

    def open(
        self,
        spec: StoreSpec | None = None,
        *,
        create: bool = True,
        bm25: RankerFactory | None = None,
        analyzer: Analyzer | None = None,
    ) -> QdrantStore:
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
        server = QdrantServer(self.config, self.make_client(), self.make_client)
        try:
            spec = opened(server, spec, create=create)
        except BaseException:
            server.close()
            raise
        # Local mode compares with all anyway.
        self.serve(
            server, spec, formula, exact_below=None if self.config.is_local else self.config.exact_below
        )
        return self

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
