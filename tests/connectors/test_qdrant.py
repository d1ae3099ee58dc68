"""Qdrant passes the checks of every store: the client's local mode always, a server where one is named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ragkit.errors import StoreError
from ragkit.protocols import Scope
from ragkit.store_spec import StoreSpec
from ragkit.testing.collecting import CollectingStoreChecks
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, NORTH, SparseIndexChecks, VectorStoreChecks, spec_of
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


class Noting:
    """A client that notes which of its methods are called."""

    def __init__(self, client: Any) -> None:
        self._client, self.called = client, list[str]()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(**given: Any) -> Any:
            self.called.append(name)
            return method(**given)

        return call


class NotingStore(QdrantStore):
    """A store whose calls are noted."""

    def make_client(self) -> Any:
        self.client = Noting(super().make_client())
        return self.client


def test_a_question_in_a_held_commit_asks_each_thing_once() -> None:
    """Nobody can collect what is held, so the record of commits is not read again for each search."""
    stores = Stores()
    store = stores.make(spec_of(), NotingStore)
    assert isinstance(store, NotingStore)
    store.commit([put("a", [("one two", EAST), ("three", EAST)])])

    def asked(scope: Scope) -> list[str]:
        store.search_terms([["one", "three"]], 5, scope)  # which learns what is remembered of a commit
        store.client.called.clear()
        assert [len(found) for found in store.search(np.stack([EAST, NORTH]), 5, scope)] == [2, 2]
        assert [len(found) for found in store.search_terms([["one"], ["three"], []], 5, scope)] == [1, 1, 0]
        return list(store.client.called)

    with store.hold() as commit:
        assert asked(Scope(commit=commit)) == ["query_batch_points", "query_batch_points"]
        store.commit([put("a", [("four", EAST)])])
        assert not store.compact().n_collected
        assert asked(Scope(commit=commit)) == ["query_batch_points", "query_batch_points"]
    assert store.compact().n_collected == 3  # a document and its chunks
    with pytest.raises(StoreError, match="is not kept any more"):
        asked(Scope(commit=commit))
    stores.close()
