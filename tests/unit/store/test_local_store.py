"""The embedded store passes the checks of every store and agrees with the oracle."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.testing.collecting import CollectingStoreChecks
from ragkit.testing.oracle import OracleStore
from ragkit.testing.stores import SparseIndexChecks, VectorStoreChecks


class TestLocalStore(VectorStoreChecks, SparseIndexChecks, CollectingStoreChecks):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder, self.n = tmp_path, 0

    def make_store(self, spec: StoreSpec) -> LocalStore:
        self.n += 1
        return LocalStore(path=self.folder / str(self.n)).open(spec)


class TestOracleStore(VectorStoreChecks, SparseIndexChecks):
    def make_store(self, spec: StoreSpec) -> OracleStore:
        return OracleStore(spec)
