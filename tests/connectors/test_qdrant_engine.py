"""Qdrant's own engine, within the process, passes the checks of every store and agrees with the oracle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ragkit.protocols import Change
from ragkit.store_spec import StoreSpec
from ragkit.testing import strategies as made
from ragkit.testing.collecting import CollectingStoreChecks
from ragkit.testing.oracle import OracleStore
from ragkit.testing.stores import SparseIndexChecks, VectorStoreChecks
from tests.connectors.test_qdrant_congruence import PLAIN, TENANTS, compare, spec_for
from tests.scale import scaled

pytest.importorskip("qdrant_edge")
from tests.connectors.qdrant_edge_client import EdgeStore, empty_store, give_back


class TestEngine(VectorStoreChecks, SparseIndexChecks, CollectingStoreChecks):
    """With the payload indexes of a server."""

    @pytest.fixture(autouse=True)
    def _stores(self) -> Iterator[None]:
        self.stores: list[EdgeStore] = []
        yield
        for store in self.stores:
            give_back(store)

    def make_store(self, spec: StoreSpec) -> EdgeStore:
        self.stores.append(empty_store(spec))
        return self.stores[-1]


@pytest.mark.parametrize("shape", [PLAIN, TENANTS], ids=["plain", "tenants"])
def test_it_answers_as_the_oracle(shape: made.Shape) -> None:
    @settings(
        max_examples=scaled(400),
        deadline=None,
        phases=[Phase.generate],  # shrinking takes minutes here
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        store = empty_store(spec_for(shape))
        oracle = OracleStore(store.spec)
        for _ in range(data.draw(st.integers(1, 3), label="commits")):
            changes: list[Change] = data.draw(made.commits(shape), label="changes")
            assert store.commit(changes) == oracle.commit(changes)
            for _ in range(2):
                compare(store, oracle, shape, data, 0)
        assert store.counts() == oracle.counts()
        assert list(store.states()) == oracle.states()
        give_back(store)

    run()
