"""Over REST, with the client as it is, against Qdrant's engine in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragkit.errors import CorruptIndexError, StoreError
from ragkit.store.remote.conditions import equals, none_of
from ragkit.store.remote.head import first_point
from ragkit.store_spec import StoreSpec
from ragkit.testing.collecting import CollectingStoreChecks
from ragkit.testing.congruence import READERS, congruence
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, OPEN, SparseIndexChecks, VectorStoreChecks, spec_of
from ragkit_connectors.qdrant import QdrantStore
from ragkit_connectors.qdrant.client import ByClient, connect
from tests.scale import scaled

pytest.importorskip("qdrant_edge")
from tests.connectors.qdrant_rest import served_apart

_EVERYTHING = none_of(equals("kind", "nothing"))


class Served:
    """Stores on one server; those that are given back are emptied, since to make one takes seconds."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._free: dict[int, list[str]] = {}
        self._n = 0

    def empty_store(self, spec: StoreSpec) -> QdrantStore:
        """A store with nothing in it."""
        free = self._free.setdefault(spec.dimension, [])
        if not free:
            self._n += 1
            return QdrantStore(url=self._url, collection=f"c{self._n}").open(spec)
        store = QdrantStore(url=self._url, collection=free.pop())
        qdrant = ByClient(connect(store.config), is_local=False)
        for name in (store.config.collection, store.config.meta):
            qdrant.delete(name, _EVERYTHING)
        qdrant.put(store.config.meta, [first_point(spec)])
        qdrant.close()
        return store.open(spec)

    def give_back(self, store: QdrantStore) -> None:
        """Lets the next store have its collections."""
        self._free[store.spec.dimension].append(store.config.collection)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with served_apart() as url:
        yield Served(url)


class TestOverRest(VectorStoreChecks, SparseIndexChecks, CollectingStoreChecks):
    """What the client sends and reads is its own."""

    @pytest.fixture(autouse=True)
    def _stores(self, served: Served) -> Iterator[None]:
        self.served = served
        self.stores: list[QdrantStore] = []
        yield
        for store in self.stores:
            served.give_back(store)

    def make_store(self, spec: StoreSpec) -> QdrantStore:
        self.stores.append(self.served.empty_store(spec))
        return self.stores[-1]


def test_it_answers_as_the_oracle(served: Served) -> None:
    done = congruence(served.empty_store, cases=scaled(1_000, part=200), seed=7, shape=READERS)
    assert done.failure is None, done.failure
    assert done.overlap == 1.0


def test_a_server_says_its_version_and_what_is_lost(served: Served) -> None:
    store = served.empty_store(spec_of())
    store.commit([put("a", [("one", EAST)])])
    assert (store.engine().name, bool(store.engine().stand_in)) == ("Qdrant", True)
    store._server.call("drop", store.config.collection)
    with pytest.raises(CorruptIndexError, match="a collection of the index is not there"):
        store.search(EAST[None], 1, OPEN)
    store.close()
    with pytest.raises(StoreError, match="the collection of the chunks is gone"):
        QdrantStore(**store.config.as_keywords()).open(None)
