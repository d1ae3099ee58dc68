"""Qdrant passes the checks of every store: the client's local mode always, a server where one is named."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragkit.store_spec import StoreSpec
from ragkit.testing.collecting import CollectingStoreChecks
from ragkit.testing.stores import SparseIndexChecks, VectorStoreChecks
from ragkit_connectors.qdrant import QdrantStore
from tests.connectors.qdrant_stores import Stores, needs_server, server_settings


class TestLocalMode(VectorStoreChecks, SparseIndexChecks, CollectingStoreChecks):
    """In memory."""

    @pytest.fixture(autouse=True)
    def _stores(self) -> Iterator[None]:
        self.stores = Stores()
        yield
        self.stores.close()

    def make_store(self, spec: StoreSpec) -> QdrantStore:
        return self.stores.make(spec)


@needs_server
class TestServer(TestLocalMode):
    """Over REST."""

    def make_store(self, spec: StoreSpec) -> QdrantStore:
        return self.stores.make(spec, **server_settings())


@needs_server
class TestServerByGrpc(TestLocalMode):
    """Over gRPC."""

    def make_store(self, spec: StoreSpec) -> QdrantStore:
        return self.stores.make(spec, **server_settings(), prefer_grpc=True)


@needs_server
class TestServerByIndex(TestLocalMode):
    """By the HNSW index at any size."""

    def make_store(self, spec: StoreSpec) -> QdrantStore:
        return self.stores.make(spec, **server_settings(), exact_below=0)
