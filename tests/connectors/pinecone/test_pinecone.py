"""Pinecone passes the checks of every store: a local server always, a real index where one is named."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragkit.store_spec import StoreSpec
from ragkit.testing.collecting import CollectingStoreChecks
from ragkit.testing.stores import SparseIndexChecks, VectorStoreChecks

pytest.importorskip("httpx", reason="needs the extra pinecone")
from ragkit_connectors.pinecone import PineconeStore, calls
from tests.connectors.pinecone.stores import Stores, needs_server, server_settings


class TestLocalServer(VectorStoreChecks, SparseIndexChecks, CollectingStoreChecks):
    """By the index, whose copies lag."""

    @pytest.fixture(autouse=True)
    def _stores(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setattr(calls, "POLL_S", 0.001)
        self.stores = Stores()
        yield
        self.stores.close()

    def make_store(self, spec: StoreSpec) -> PineconeStore:
        return self.stores.make(spec)


class TestLocalServerWithNamespaces(TestLocalServer):
    """A namespace for each tenant, all compared here."""

    def make_store(self, spec: StoreSpec) -> PineconeStore:
        return self.stores.make_here(spec, tenancy="namespaces", exact_below=1000)


@needs_server
class TestServer(TestLocalServer):
    """The real one."""

    def make_store(self, spec: StoreSpec) -> PineconeStore:
        return self.stores.make(spec, **server_settings())
