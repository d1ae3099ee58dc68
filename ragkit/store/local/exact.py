"""`index/exact`: nearest neighbours by comparing with every vector. Exact, with nothing to build."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ragkit.arrays import Ids
from ragkit.protocols import Vectors
from ragkit.settings import Settings
from ragkit.subsets import Subsets, compare


class ExactIndex:
    """Compares a query with every allowed row.

    >>> index = ExactIndex().over(np.eye(2, dtype=np.float32), np.array([b"a", b"b"]))
    >>> index.search(np.array([[0, 1]], dtype=np.float32), 1, None)[0].tolist()
    [[1]]
    """

    use = "index/exact"

    class Config(Settings):
        """How much memory may be spent on speed."""

        filter_cache_mb: int = Field(
            128, ge=0, description="Most memory for copies of the vectors that filters in use allow."
        )

    config: Config

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked(self.use, settings)
        self._matrix: Vectors = np.empty((0, 0), dtype=np.float32)
        self._ids: Ids = np.empty(0, dtype="S32")
        self._subsets = Subsets(self._matrix, 0)

    @property
    def is_exact(self) -> bool:
        """Always: every allowed row is compared."""
        return True

    def over(self, matrix: Vectors, ids: Ids) -> ExactIndex:
        """This index over a matrix that begins with the rows it already covers."""
        index = ExactIndex(**self.config.model_dump())
        index._matrix, index._ids = matrix, ids
        index._subsets = Subsets(matrix, self.config.filter_cache_mb)
        return index

    def search(
        self, vectors: Vectors, k: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], Vectors]:
        """Rows and cosine similarities, shape `[q, k]`, best first, ties by id; row −1 where fewer exist."""
        subset = None if allowed is None else self._subsets.of(allowed)
        return compare(self._matrix, self._ids, vectors, k, subset)
