"""Rows that a filter leaves, ready to be compared: remembered from one search to the next."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.arrays import Ids, near_top, rank_cosines

Matrix = NDArray[np.float32]
Mask = NDArray[np.bool_]

_FEW = 0.1  # of all rows: copying them out is then faster than comparing with all, even for one search
_IDLE = 64  # searches after which a copy may give way to another
_IN_CACHE = 1 << 21  # bytes: up to here OpenBLAS is the fastest
_TURN = 4  # queries from which one matrix product beats one pass over the rows for each
_BLOCK = 1024  # rows: their products with 32 queries stay in a core's cache while they are turned
_MOST_PRODUCTS = 1 << 24  # at a time: 64 MB
# Two orders of summing 384 products of unit vectors differ by less than 1e-6 in float32; a row this much
# below the cut may belong above it.
MARGIN = 2e-6


@dataclass(frozen=True, slots=True, eq=False)
class Subset:
    """Some rows of a matrix, ascending, and their vectors, if they lie together."""

    rows: NDArray[np.intp]
    vectors: Matrix | None


@dataclass(slots=True, eq=False)
class _Kept:
    """What is remembered of a mask; `mask` gives None once nobody else holds it."""

    mask: weakref.ref[Mask]
    last_use: int
    subset: Subset | None = None


class Subsets:
    """The subsets of one matrix, by mask.

    A mask is known again by identity if it can no longer be written to: then its rows' vectors are copied
    out, once, as long as all copies stay below a limit. A mask that nobody holds is forgotten.

    Args:
        matrix: shape `[n, d]`.
        limit_mb: the most that copies may take; five eighths of the matrix at any rate.

    >>> Subsets(np.eye(3, dtype=np.float32), 1).of(np.array([True, False, True])).rows.tolist()
    [0, 2]
    """

    def __init__(self, matrix: Matrix, limit_mb: int) -> None:
        self._matrix = matrix
        self._limit = min(limit_mb << 20, matrix.nbytes * 5 // 8)
        self._kept: dict[int, _Kept] = {}
        self._lock = threading.Lock()
        self._clock = 0

    def of(self, allowed: Mask) -> Subset:
        """The rows that `allowed` (one flag per row) allows."""
        if allowed.flags.writeable or not allowed.flags.owndata:
            return self._made(allowed, copy=False)
        key = id(allowed)
        kept = self._kept.get(key)
        self._clock += 1
        if kept is not None and kept.mask() is allowed:
            kept.last_use = self._clock
            return kept.subset or self._remember(kept, self._made(allowed, copy=True))
        kept = _Kept(weakref.ref(allowed, lambda _: self._kept.pop(key, None)), self._clock)
        self._kept[key] = kept
        return self._remember(kept, self._made(allowed, copy=False))

    def _made(self, allowed: Mask, *, copy: bool) -> Subset:
        rows = np.flatnonzero(allowed)
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
            return Subset(rows, self._matrix[rows[0] : rows[-1] + 1])
        few = len(rows) <= _FEW * len(self._matrix)
        if few or (copy and self._has_room(len(rows))):
            return Subset(rows, self._matrix.take(rows, axis=0))
        return Subset(rows, None)

    def _remember(self, kept: _Kept, subset: Subset) -> Subset:
        """Keeps what is worth it: a copy, where there is room for it."""
        with self._lock:
            if subset.vectors is not None and self._has_room(len(subset.rows)):
                kept.subset = subset
        return subset

    def _has_room(self, n_rows: int) -> bool:
        """Whether a copy of so many rows may be kept. Those that were not asked for lately make way."""
        wanted = n_rows * (self._matrix.shape[1] * self._matrix.itemsize + np.dtype(np.intp).itemsize)
        held = [kept for kept in list(self._kept.values()) if kept.subset is not None]
        free = self._limit - wanted - sum(map(_size, held))
        for kept in sorted(held, key=lambda kept: kept.last_use):
            if free >= 0 or kept.last_use > self._clock - _IDLE:
                break
            free += _size(kept)
            kept.subset = None
        return bool(free >= 0)


def _size(kept: _Kept) -> int:
    subset = kept.subset
    if subset is None:
        return 0
    return subset.rows.nbytes + (0 if subset.vectors is None else subset.vectors.nbytes)


def compare(
    matrix: Matrix, ids: Ids, vectors: Matrix, k: int, subset: Subset | None
) -> tuple[NDArray[np.int64], Matrix]:
    """Rows and cosine similarities of the `k` nearest, exactly; what `DenseIndex.search` returns.

    Args:
        matrix: shape `[n, d]`, unit rows.
        ids: the id of each row.
        vectors: shape `[q, d]`, unit length.
        k: how many at most, ≥ 1.
        subset: the rows to compare with; all, if None.
    """
    found = np.full((len(vectors), k), -1, dtype=np.int64)
    scores = np.zeros((len(vectors), k), dtype=np.float32)
    compared = matrix if subset is None or subset.vectors is None else subset.vectors
    # Where each compared row is in the matrix; None where it is the same place.
    places = None if subset is None else subset.rows
    step = max(1, _MOST_PRODUCTS // max(1, len(compared)))
    for start in range(0, len(vectors), step):
        for i, products in enumerate(_products(compared, vectors[start : start + step]), start):
            if places is not None and compared is matrix:
                products = products.take(places)
            near = near_top(products, k, MARGIN)
            rows = near if places is None else places.take(near)
            candidates = compared.take(rows if compared is matrix else near, axis=0)
            order, cosines = rank_cosines(vectors[i], candidates, ids.take(rows), k)
            found[i, : len(order)], scores[i, : len(order)] = rows.take(order), cosines
    return found, scores


def _products(matrix: Matrix, vectors: Matrix) -> Matrix:
    """Each vector with each row, shape `[q, n]`.

    OpenBLAS 0.3.31 reads a large matrix at a third of the memory's speed for one vector; NumPy's own loop
    keeps up with it: 100k × 384, one thread: 12.5 ms by `@`, 5.2 ms by `vecdot`, 5.8 ms by `einsum`.
    """
    out = np.empty((len(vectors), len(matrix)), dtype=np.float32)
    if len(vectors) < _TURN:
        for vector, row in zip(vectors, out, strict=True):
            _product(matrix, vector, row)
        return out
    turned = np.ascontiguousarray(vectors.T)
    for start in range(0, len(matrix), _BLOCK):
        out[:, start : start + _BLOCK] = (matrix[start : start + _BLOCK] @ turned).T
    return out


def _product(matrix: Matrix, vector: Matrix, out: Matrix) -> None:
    vecdot: Any = getattr(np, "vecdot", None)  # since NumPy 2.0
    if matrix.nbytes <= _IN_CACHE:
        np.dot(matrix, vector, out=out)
    elif vecdot is not None:
        vecdot(matrix, vector, out=out)
    else:
        np.einsum("ij,j->i", matrix, vector, out=out)
