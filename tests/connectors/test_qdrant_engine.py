"""`engine: edge` passes the checks of every store and agrees with the oracle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragkit.store_spec import StoreSpec
from ragkit.testing import strategies as made
from ragkit.testing.collecting import CollectingStoreChecks
from ragkit.testing.congruence import PLAIN, READERS, congruence
from ragkit.testing.stores import SparseIndexChecks, VectorStoreChecks
from tests.scale import scaled

pytest.importorskip("qdrant_edge")
from ragkit_connectors.qdrant import edge
from tests.connectors.qdrant_edge import LentStore, empty_store, give_back


class TestEngine(VectorStoreChecks, SparseIndexChecks, CollectingStoreChecks):
    """As few points are looked at."""

    @pytest.fixture(autouse=True)
    def _stores(self) -> Iterator[None]:
        self.stores: list[LentStore] = []
        yield
        for store in self.stores:
            give_back(store)

    def make_store(self, spec: StoreSpec) -> LentStore:
        self.stores.append(empty_store(spec))
        return self.stores[-1]


@pytest.mark.parametrize("indexed_from", [edge.INDEXED_FROM, 1], ids=["looking at all", "by indexes"])
@pytest.mark.parametrize("shape", [PLAIN, READERS], ids=["plain", "tenants and acl"])
def test_it_answers_as_the_oracle(
    shape: made.Shape, indexed_from: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "INDEXED_FROM", indexed_from)
    stores: list[LentStore] = []

    def make_store(spec: StoreSpec) -> LentStore:
        stores.append(empty_store(spec))
        return stores[-1]

    done = congruence(make_store, cases=scaled(1_300, part=100), seed=7, shape=shape)
    assert done.failure is None, done.failure
    assert done.overlap == 1.0
    give_back(stores[0])
