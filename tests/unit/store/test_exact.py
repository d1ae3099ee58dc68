from __future__ import annotations

from ragkit.protocols import DenseIndex
from ragkit.store.local.exact import ExactIndex
from ragkit.testing.indexes import DenseIndexChecks


class TestExactIndex(DenseIndexChecks):
    def make_index(self) -> DenseIndex:
        return ExactIndex()
