"""Maximal marginal relevance on vectors small enough to check by hand."""

from __future__ import annotations

import numpy as np

from ragkit.rerank.mmr import marginal_order

SCORES = np.array([1.0, 0.9, 0.5], dtype=np.float32)
# The first two say the same thing; the third is at a right angle to both.
VECTORS = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)


def test_without_diversity_the_order_stays() -> None:
    assert marginal_order(SCORES, VECTORS, k=3, diversity=0.0) == [0, 1, 2]


def test_a_repetition_comes_after_something_new() -> None:
    assert marginal_order(SCORES, VECTORS, k=3, diversity=0.5) == [0, 2, 1]


def test_k_cuts() -> None:
    assert marginal_order(SCORES, VECTORS, k=1, diversity=0.5) == [0]


def test_equal_hits_keep_their_order() -> None:
    same = np.ones(3, dtype=np.float32)
    assert marginal_order(same, np.eye(3, dtype=np.float32), k=3, diversity=0.7) == [0, 1, 2]
