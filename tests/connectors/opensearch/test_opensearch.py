"""OpenSearch passes the checks of every store: a local server always, a real one where it is named."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragkit.store_spec import StoreSpec
from ragkit.testing.collecting import CollectingStoreChecks
from ragkit.testing.stores import SparseIndexChecks, VectorStoreChecks
from ragkit_connectors.opensearch import OpenSearchStore
from tests.connectors.opensearch.stores import Stores, needs_server, server_settings

pytest.importorskip("opensearchpy", reason="needs the extra opensearch")


class TestLocalServer(VectorStoreChecks, SparseIndexChecks, CollectingStoreChecks):
    """Three shards, all compared where few chunks are seen."""

    @pytest.fixture(autouse=True)
    def _stores(self) -> Iterator[None]:
        self.stores = Stores()
        yield
        self.stores.close()

    def make_store(self, spec: StoreSpec) -> OpenSearchStore:
        return self.stores.make(spec, shards=3)


class TestLocalServerByLucene(TestLocalServer):
    """By the graph at any size."""

    def make_store(self, spec: StoreSpec) -> OpenSearchStore:
        return self.stores.make(spec, exact_below=0)


class TestLocalServerByFaiss(TestLocalServer):
    """By the other engine's graph."""

    def make_store(self, spec: StoreSpec) -> OpenSearchStore:
        return self.stores.make(spec, engine="faiss", exact_below=0)


class TestLocalServerWithoutGraph(TestLocalServer):
    """No graph is kept."""

    def make_store(self, spec: StoreSpec) -> OpenSearchStore:
        return self.stores.make(spec, engine="exact")


@needs_server
class TestServer(TestLocalServer):
    """The real one."""

    def make_store(self, spec: StoreSpec) -> OpenSearchStore:
        return self.stores.make(spec, **server_settings())


@needs_server
class TestServerByLucene(TestLocalServer):
    """Its graph at any size."""

    def make_store(self, spec: StoreSpec) -> OpenSearchStore:
        return self.stores.make(spec, **server_settings(), exact_below=0)


@needs_server
class TestServerByFaiss(TestLocalServer):
    """The other engine's graph."""

    def make_store(self, spec: StoreSpec) -> OpenSearchStore:
        return self.stores.make(spec, **server_settings(), engine="faiss", exact_below=0)
