"""`index/faiss`: nearest neighbours with FAISS, flat (exact) or HNSW (approximate, fast at any size).

FAISS proposes rows; scores and order are computed here from the vectors, so the flat index ranks exactly as
`index/exact` does. Where few rows are allowed they are all compared: HNSW under a selective filter finds
only 91 % of the neighbours at one row in ten and 17 % at one in a hundred.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ragkit.arrays import Ids, near_top, top_k_cosines
from ragkit.protocols import Vectors
from ragkit.settings import Settings

_COMPARE_BELOW = 0.1  # of all rows
_MARGIN = 2e-6  # FAISS sums in float32: a row this much below the cut may belong above it


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A FAISS index over `n_rows` rows from `first`. Nothing is added to it once it is here."""

    first: int
    n_rows: int
    index: Any


class FaissIndex:
    """A dense index of FAISS parts over the matrix of a store.

    An index is never added to while it may be searched: new rows go into a part of their own, and parts of
    similar size are built anew as one, so there are O(log n) of them.

    >>> index = FaissIndex().over(np.eye(2, dtype=np.float32), np.array([b"a", b"b"]))
    >>> index.search(np.array([[0, 1]], dtype=np.float32), 1, None)[0].tolist()
    [[1]]
    """

    use = "index/faiss"

    class Config(Settings):
        """Kind and trade-offs of the index."""

        kind: Literal["flat", "hnsw"] = Field("flat", description="Exact, or approximate and faster.")
        neighbours: int = Field(32, ge=4, le=256, description="HNSW: links per vector.")
        ef_construction: int = Field(200, ge=8, le=4096, description="HNSW: effort when building.")
        ef_search: int = Field(128, ge=8, le=4096, description="HNSW: effort when searching.")

    config: Config

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked(self.use, settings)
        self._parts: tuple[_Part, ...] = ()
        self._matrix: Vectors = np.empty((0, 0), dtype=np.float32)
        self._ids: Ids = np.empty(0, dtype="S32")

    def over(self, matrix: Vectors, ids: Ids) -> FaissIndex:
        """This index over a matrix that begins with the rows it already covers."""
        grown = FaissIndex(**self.config.model_dump())
        grown._matrix, grown._ids = matrix, ids
        parts, end = list(self._parts), len(matrix)
        start = parts[-1].first + parts[-1].n_rows if parts else 0
        while parts and end > start and parts[-1].n_rows < 2 * (end - start):
            start = parts.pop().first
        if end > start:
            parts.append(_Part(start, end - start, self._build(matrix[start:end])))
        grown._parts = tuple(parts)
        return grown

    def _build(self, vectors: Vectors) -> Any:
        dimension = vectors.shape[1]
        if self.config.kind == "flat":
            index = _faiss().IndexFlatIP(dimension)
        else:
            index = _faiss().IndexHNSWFlat(dimension, self.config.neighbours, _faiss().METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = self.config.ef_construction
        index.add(np.ascontiguousarray(vectors))
        return index

    def search(
        self, vectors: Vectors, k: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], Vectors]:
        """Rows and cosine similarities, shape `[q, k]`, best first, ties by id; row −1 where fewer exist.

        With `kind: hnsw` a neighbour may be missed; what is returned is scored exactly.
        """
        rows = np.full((len(vectors), k), -1, dtype=np.int64)
        scores = np.zeros((len(vectors), k), dtype=np.float32)
        for i, vector in enumerate(vectors):
            candidates = self._candidates(vector, k, allowed)
            best, cosines = top_k_cosines(vector, self._matrix, candidates, self._ids, k)
            rows[i, : len(best)], scores[i, : len(best)] = best, cosines
        return rows, scores

    def _candidates(self, vector: Vectors, k: int, allowed: NDArray[np.bool_] | None) -> NDArray[np.intp]:
        if allowed is not None:
            subset = np.flatnonzero(allowed)
            if len(subset) <= max(k, _COMPARE_BELOW * len(self._matrix)):
                return subset[near_top(self._matrix[subset] @ vector, k, _MARGIN)]
        found = [self._of_part(part, vector, k, allowed) for part in self._parts]
        return np.concatenate(found) if found else np.empty(0, dtype=np.intp)

    def _of_part(
        self, part: _Part, vector: Vectors, k: int, allowed: NDArray[np.bool_] | None
    ) -> NDArray[np.intp]:
        """The part's `k` best allowed rows and all that may tie with the last of them."""
        selector = None
        if allowed is not None:
            bits = np.packbits(allowed[part.first : part.first + part.n_rows], bitorder="little")
            selector = _faiss().IDSelectorBitmap(bits)
        wanted = min(k + 1, part.n_rows)
        while True:
            scores, rows = part.index.search(vector[None], wanted, params=self._parameters(selector, wanted))
            valid = rows[0] >= 0
            rows, scores = rows[0][valid], scores[0][valid]
            tied = len(rows) == wanted > k and scores[k - 1] - scores[-1] <= _MARGIN
            if not tied or wanted == part.n_rows:
                return np.asarray(rows + part.first, dtype=np.intp)
            wanted = min(2 * wanted, part.n_rows)

    def _parameters(self, selector: Any, wanted: int) -> Any:
        if self.config.kind == "flat":
            return None if selector is None else _faiss().SearchParameters(sel=selector)
        effort = max(self.config.ef_search, wanted)
        return _faiss().SearchParametersHNSW(sel=selector, efSearch=effort)


def _faiss() -> Any:
    """The module, imported when an index is first used. Its type stubs lack selectors and HNSW parameters."""
    import faiss

    return faiss
