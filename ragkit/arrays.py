"""The hot-path form of hits: arrays from store to fusion, objects only after fusion's cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ID_BYTES = 32
_GROUP = 64  # scores of which only the greatest is looked at first
_SMALL = 4096  # scores: up to here one partition is as fast
Ids = NDArray[np.bytes_]
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class HitBatch:
    """Chunk ids and scores of one search, best first; equal scores stand in order of chunk id.

    Args:
        ids: shape `[n]`, dtype `S32`: the 32 hexadecimal digits of each chunk id.
        scores: shape `[n]`, dtype float32, finite.
        ceiling: the score that a perfect match would have: 1 for cosine similarity, the sum of the query
            terms' idf for BM25 (its term-frequency part stays below 1). It makes arms comparable.

    >>> HitBatch.of([("b" * 32, 0.5), ("a" * 32, 0.5)]).id_list()[0][:3]
    'aaa'
    """

    ids: Ids
    scores: Scores
    ceiling: float = 1.0

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, float]]) -> HitBatch:
        """A batch from `(id, score)` pairs in any order."""
        items = list(pairs)
        ids = np.array([i.encode() for i, _ in items], dtype=f"S{ID_BYTES}")
        scores = np.array([s for _, s in items], dtype=np.float32)
        return cls(ids, scores).sorted()

    @classmethod
    def empty(cls) -> HitBatch:
        """No hits."""
        return cls(np.empty(0, dtype=f"S{ID_BYTES}"), np.empty(0, dtype=np.float32))

    def sorted(self) -> HitBatch:
        """The same hits, score descending, then id ascending."""
        order = np.lexsort((self.ids, -self.scores))
        return HitBatch(self.ids[order], self.scores[order], self.ceiling)

    def top(self, k: int) -> HitBatch:
        """The first `k` hits."""
        return HitBatch(self.ids[:k], self.scores[:k], self.ceiling)

    def id_list(self) -> list[str]:
        """The ids as strings, best first."""
        return [i.decode() for i in self.ids.tolist()]


def top_k_rows(scores: Scores, ids: Ids, k: int) -> NDArray[np.intp]:
    """Positions of the `k` best scores, score descending, then id ascending.

    Exact at the cut: of several rows tied with the k-th score, those with the smallest ids are taken.

    Args:
        scores: shape `[n]`; `-inf` marks a row that must not be returned.
        ids: shape `[n]`, dtype `S32`.
        k: how many at most, ≥ 1.
    """
    rows = near_top(scores, k)
    order = np.lexsort((ids[rows], -scores[rows]))[:k]
    return rows[order]


def near_top(scores: Scores, k: int, margin: float = 0.0) -> NDArray[np.intp]:
    """Positions, ascending, of the `k` greatest scores and of all that are less than `margin` below them.

    With no margin: of all that tie with the k-th. `-inf` is never taken.
    """
    n = len(scores)
    if n <= k:
        return np.flatnonzero(scores > -np.inf)
    n_groups = n // _GROUP
    if n_groups < 4 * k or n < _SMALL:
        floor = np.partition(scores, n - k)[n - k]
        return np.flatnonzero(scores >= floor - margin if floor > -np.inf else scores > -np.inf)
    # The k-th greatest of the greatest of each group is at most the k-th greatest of all: what lies below
    # it is out. Finding it reads the scores once: 75 µs for 100,000, where partitioning takes 600.
    greatest = scores[: _GROUP * n_groups].reshape(_GROUP, n_groups).max(axis=0)
    low = np.partition(greatest, n_groups - k)[n_groups - k]
    high = np.flatnonzero(scores >= low - margin if low > -np.inf else scores > -np.inf)
    found = scores[high]
    if len(found) <= k:
        return high
    floor = np.partition(found, len(found) - k)[len(found) - k]
    return np.asarray(high[found >= floor - margin])


def as_ids(ids: Sequence[str]) -> Ids:
    """Chunk ids as an array of dtype `S32`."""
    return np.array([i.encode() for i in ids], dtype=f"S{ID_BYTES}")


def rank_cosines(
    vector: NDArray[np.float32], candidates: NDArray[np.float32], ids: Ids, k: int
) -> tuple[NDArray[np.intp], Scores]:
    """Positions of the `k` best candidates by cosine similarity, and their similarities; ties in order of id.

    Summed in float64 and rounded once, so that equal vectors tie exactly and every index that proposes the
    right rows gives the same ranking: a matrix product's last digit depends on where a row stands.

    Args:
        vector: shape `[d]`, unit length.
        candidates: shape `[c, d]`, unit rows.
        ids: the id of each candidate, shape `[c]`.
        k: how many at most, ≥ 1.
    """
    scores = (candidates.astype(np.float64) @ vector.astype(np.float64)).astype(np.float32)
    if len(scores) and (scores.max() > 1.0 or scores.min() < -1.0):
        # Before the order, so that two that rounding puts above 1 tie.
        scores = scores.clip(-1.0, 1.0)
    order = np.lexsort((ids, -scores))[:k]
    best = scores.take(order)
    return order, best
