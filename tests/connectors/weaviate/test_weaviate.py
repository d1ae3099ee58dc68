"""Weaviate passes the checks of every store: a local server always, a real one where it is named."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragkit.store_spec import StoreSpec
from ragkit.testing.collecting import CollectingStoreChecks
from ragkit.testing.stores import SparseIndexChecks, VectorStoreChecks
from ragkit_connectors.weaviate import WeaviateStore
from tests.connectors.weaviate.stores import Stores, needs_server, server_settings

pytest.importorskip("httpx", reason="needs the extra weaviate")


class TestLocalServer(VectorStoreChecks, SparseIndexChecks, CollectingStoreChecks):
    """All compared where few chunks are seen."""

    @pytest.fixture(autouse=True)
    def _stores(self) -> Iterator[None]:
        self.stores = Stores()
        yield
        self.stores.close()

    def make_store(self, spec: StoreSpec) -> WeaviateStore:
        return self.stores.make(spec)


class TestLocalServerByGraph(TestLocalServer):
    """By the graph at any size."""

    def make_store(self, spec: StoreSpec) -> WeaviateStore:
        return self.stores.make_here(spec, exact_below=0)


class TestLocalServerWithTenants(TestLocalServer):
    """A shard for each tenant, vectors that reach the index later, and no graph."""

    def make_store(self, spec: StoreSpec) -> WeaviateStore:
        self.stores.service.is_asynchronous = True
        return self.stores.make_here(spec, tenancy="native", index="flat")


@needs_server
class TestServer(TestLocalServer):
    """The real one."""

    def make_store(self, spec: StoreSpec) -> WeaviateStore:
        return self.stores.make(spec, **server_settings())


@needs_server
class TestServerWithTenants(TestLocalServer):
    """Its multi-tenancy, at any size by the graph."""

    def make_store(self, spec: StoreSpec) -> WeaviateStore:
        return self.stores.make(spec, **server_settings(), tenancy="native", exact_below=0)
