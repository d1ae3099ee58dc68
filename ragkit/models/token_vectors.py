"""Vectors of a text's tokens: how well one text's match another's, and those of recent texts."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

TokenVectors = NDArray[np.float16]


def weighted_best_match(
    vectors: NDArray[np.float32], weights: NDArray[np.float32], passage: TokenVectors
) -> float:
    """The mean over the rows of `vectors`, by `weights`, of the largest cosine with a row of `passage`.

    Args:
        vectors: of the query's tokens, unit length, shape `[q, d]`.
        weights: of the query's tokens, at least 0, shape `[q]`.
        passage: of the passage's tokens, unit length, shape `[p, d]`.

    Returns:
        From -1 to 1; 0 where one of the two has no token.

    >>> east, north = np.eye(2, dtype=np.float32)
    >>> query, weights = np.stack([east, north]), np.array([3.0, 1.0], np.float32)
    >>> weighted_best_match(query, weights, east[None].astype(np.float16))
    0.75
    """
    total = float(weights.sum())
    if not len(vectors) or not len(passage) or total <= 0:
        return 0.0
    best = (vectors @ passage.astype(np.float32).T).max(axis=1)
    return float(best @ weights) / total


class RecentVectors:
    """The vectors of the texts that were asked for last, in `most_bytes` of memory; any number of threads.

    >>> recent = RecentVectors(100)
    >>> recent.keep("a", np.zeros((2, 12), np.float16))
    >>> recent.keep("b", np.ones((3, 12), np.float16))
    >>> recent.get("a") is None, recent.get("b") is None
    (True, False)
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, TokenVectors] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, text: str) -> TokenVectors | None:
        """What was kept for `text`, which is then the last asked for; None where nothing is."""
        with self._lock:
            found = self._kept.get(text)
            if found is not None:
                self._kept.move_to_end(text)
            return found

    def keep(self, text: str, vectors: TokenVectors) -> None:
        """Keeps them, in place of those that were not asked for longest; not if they alone are too many."""
        if vectors.nbytes > self._most_bytes:
            return
        with self._lock:
            if text not in self._kept:
                self._kept[text] = vectors
                self._bytes += vectors.nbytes
            while self._bytes > self._most_bytes:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= dropped.nbytes
