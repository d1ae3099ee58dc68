"""`index/exact`: nearest neighbours by comparing with every vector. Exact, with nothing to build."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ragkit.arrays import Ids, near_top, top_k_cosines
from ragkit.protocols import Vectors
from ragkit.settings import Settings

_GATHER_BELOW = 0.1  # of all rows: copying the allowed rows out is then faster than comparing with all
# Two orders of summing 384 products of unit vectors differ by less than 1e-6 in float32; a row this much
# below the cut may belong above it.
_MARGIN = 2e-6


class ExactIndex:
    """Compares a query with every allowed row, by one matrix product.

    >>> index = ExactIndex().over(np.eye(2, dtype=np.float32), np.array([b"a", b"b"]))
    >>> index.search(np.array([[0, 1]], dtype=np.float32), 1, None)[0].tolist()
    [[1]]
    """

    use = "index/exact"

    class Config(Settings):
        """No settings."""

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked(self.use, settings)
        self._matrix: Vectors = np.empty((0, 0), dtype=np.float32)
        self._ids: Ids = np.empty(0, dtype="S32")

    def over(self, matrix: Vectors, ids: Ids) -> ExactIndex:
        """This index over a matrix that begins with the rows it already covers."""
        index = ExactIndex()
        index._matrix, index._ids = matrix, ids
        return index

    def search(
        self, vectors: Vectors, k: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], Vectors]:
        """Rows and cosine similarities, shape `[q, k]`, best first, ties by id; row −1 where fewer exist."""
        rows = np.full((len(vectors), k), -1, dtype=np.int64)
        scores = np.zeros((len(vectors), k), dtype=np.float32)
        subset = None
        if allowed is not None:
            subset = np.flatnonzero(allowed)
            if len(subset) > _GATHER_BELOW * len(self._matrix):
                subset = None
        n = len(self._matrix) if subset is None else len(subset)
        if n == 0 or (allowed is not None and subset is None and not allowed.any()):
            return rows, scores
        matrix = self._matrix if subset is None else self._matrix[subset]
        products = (matrix @ vectors[0])[None] if len(vectors) == 1 else vectors @ matrix.T
        if allowed is not None and subset is None:
            products[:, ~allowed] = -np.inf
        for i, found in enumerate(products):
            candidates = near_top(found, k, _MARGIN)
            if subset is not None:
                candidates = subset[candidates]
            best, cosines = top_k_cosines(vectors[i], self._matrix, candidates, self._ids, k)
            rows[i, : len(best)] = best
            scores[i, : len(best)] = cosines
        return rows, scores
