"""Milvus passes the checks of every store: Milvus Lite always, a server where one is named."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragkit.store_spec import StoreSpec
from ragkit.testing.collecting import CollectingStoreChecks
from ragkit.testing.stores import SparseIndexChecks, VectorStoreChecks
from ragkit_connectors.milvus import MilvusStore
from tests.connectors.milvus.stores import Stores, needs_server, server_settings

pytest.importorskip("milvus_lite", reason="needs the extra milvus-lite")


class TestLite(VectorStoreChecks, SparseIndexChecks, CollectingStoreChecks):
    """In a folder."""

    @pytest.fixture(autouse=True)
    def _stores(self) -> Iterator[None]:
        self.stores = Stores()
        yield
        self.stores.close()

    def make_store(self, spec: StoreSpec) -> MilvusStore:
        return self.stores.make(spec)


@needs_server
class TestServer(TestLite):
    """On a server, all compared."""

    def make_store(self, spec: StoreSpec) -> MilvusStore:
        return self.stores.make(spec, **server_settings())


@needs_server
class TestServerByGraph(TestLite):
    """By the HNSW graph at any size."""

    def make_store(self, spec: StoreSpec) -> MilvusStore:
        return self.stores.make(spec, **server_settings(), index="hnsw", exact_below=0)
