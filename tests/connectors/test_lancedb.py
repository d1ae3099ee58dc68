"""LanceDB passes the checks of every store, by comparing with all and by each of its vector indexes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("lancedb", reason="needs the extra lancedb")


from ragkit.store_spec import StoreSpec
from ragkit.testing.collecting import CollectingStoreChecks
from ragkit.testing.stores import SparseIndexChecks, VectorStoreChecks
from ragkit_connectors.lancedb import LanceStore
from tests.connectors.lance_stores import Stores


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


class TestLanceStore(VectorStoreChecks, SparseIndexChecks, CollectingStoreChecks):
    """Every vector is compared."""

    @pytest.fixture(autouse=True)
    def _stores(self, stores: Stores) -> None:
        self.stores = stores

    def make_store(self, spec: StoreSpec) -> LanceStore:
        return self.stores.make(spec)
