"""`store/pinecone`: namespaces of a Pinecone index as the collection sees them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from ragkit.errors import ConfigError
from ragkit.protocols import Analyzer, Capabilities, RankerFactory
from ragkit.store.abilities import Engine
from ragkit.store.bm25.own import own_formula
from ragkit.store.remote.store import RemoteStore
from ragkit.store_spec import StoreSpec
from ragkit_connectors.pinecone.calls import connect
from ragkit_connectors.pinecone.opening import opened
from ragkit_connectors.pinecone.scratch import engine_of, scratch_place
from ragkit_connectors.pinecone.server import PineconeServer
from ragkit_connectors.pinecone.settings import PineconeSettings

_PUSHED_DOWN = frozenset({"eq", "in", "exists"})


class PineconeStore(RemoteStore):
    """An index in a Pinecone index: many readers, one writer, on any number of machines.

    Made with its settings, usable once opened:

        store = PineconeStore(host="https://rag-abc123.svc.aped-4627-b74a.pinecone.io", api_key="…")
        store.open(StoreSpec("mini", embedder_fingerprint="v1", dimension=384, fields=fields))
    """

    use = "store/pinecone"
    Config = PineconeSettings
    _server: PineconeServer

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
    ) -> PineconeStore:
        """Connects, and makes the namespaces where there are none.

        Args:
            spec: what the index is for; None opens an existing one as it was made.
            create: whether a Pinecone index without ours may get one.
            bm25: our own BM25 with its parameters; with the default ones if None.
            analyzer: not used.

        Raises:
            ConfigError: the index was made with something else, or a setting does not fit.
            StoreError: the server cannot be reached, its index has another dimension or metric, or there
            is no
                index of ours and none may be made.
        """
        formula = own_formula(bm25, self.use)
        server = PineconeServer(self.config, self.make_client)
        try:
            spec = opened(server, spec, create=create)
            made = (server.head() or {}).get("tenancy")
            if made != self.config.tenancy:
                raise ConfigError(
                    f"{server.where}: tenancy: the index was made with {made}, and "
                    f"{self.config.tenancy} is set. Set tenancy: {made}; or ingest again under another name"
                )
        except BaseException:
            server.close()
            raise
        self.serve(server, spec, formula, exact_below=self.config.exact_below)
        return self

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
