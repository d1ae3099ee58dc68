"""A PostgreSQL database passes the checks of every store and agrees with the oracle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragkit.store_spec import StoreSpec
from ragkit.testing.collecting import CollectingStoreChecks
from ragkit.testing.stores import SparseIndexChecks, VectorStoreChecks
from ragkit_connectors.pgvector import PgvectorStore
from tests.connectors.pgvector_server import Stores


class TestPgvector(VectorStoreChecks, SparseIndexChecks, CollectingStoreChecks):
    """As a superuser, with the filter alone."""

    @pytest.fixture(autouse=True)
    def _stores(self) -> Iterator[None]:
        self.stores = Stores()
        yield
        self.stores.close()

    def make_store(self, spec: StoreSpec) -> PgvectorStore:
        return self.stores.make(spec)
