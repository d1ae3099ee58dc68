from __future__ import annotations

import gc

import numpy as np
import pytest
from numpy.typing import NDArray

from ragkit.arrays import near_top
from ragkit.subsets import Subsets, compare
from ragkit.testing.indexes import expected, made_rows


def frozen(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    flags.setflags(write=False)
    return flags


def every_other(n: int) -> NDArray[np.bool_]:
    return np.asarray(np.arange(n) % 2 == 0)


def test_a_mask_that_cannot_change_is_copied_out_once() -> None:
    matrix, _ = made_rows(1000)
    subsets, allowed = Subsets(matrix, 1), frozen(every_other(1000))
    assert subsets.of(allowed).vectors is None, "one search is not worth copying half of the rows"
    copied = subsets.of(allowed).vectors
    assert copied is not None
    np.testing.assert_array_equal(copied, matrix[::2])
    assert subsets.of(allowed).vectors is copied


def test_a_mask_that_may_change_is_read_each_time() -> None:
    matrix, _ = made_rows(100)
    subsets, allowed = Subsets(matrix, 1), every_other(100)
    subsets.of(allowed)
    allowed[:] = False
    allowed[3] = True
    assert subsets.of(allowed).rows.tolist() == [3]


def test_a_mask_that_nobody_holds_is_forgotten() -> None:
    matrix, _ = made_rows(1000)
    subsets, allowed = Subsets(matrix, 1), frozen(every_other(1000))
    subsets.of(allowed)
    del allowed
    gc.collect()
    assert not subsets._kept


def test_rows_that_lie_together_are_not_copied() -> None:
    matrix, _ = made_rows(100)
    found = Subsets(matrix, 0).of(np.arange(100) >= 40).vectors
    assert found is not None
    assert np.shares_memory(found, matrix)


def test_copies_stay_within_their_limit_and_idle_ones_make_way() -> None:
    matrix, _ = made_rows(1000)
    subsets = Subsets(matrix, 1)
    first, second = frozen(every_other(1000)), frozen(~every_other(1000))
    subsets.of(first)
    assert subsets.of(first).vectors is not None
    assert subsets.of(second).vectors is subsets.of(second).vectors is None
    for _ in range(100):
        subsets.of(second)
    assert subsets.of(second).vectors is not None
    assert subsets.of(first).vectors is None


@pytest.mark.parametrize("n_queries", [1, 2, 3, 4, 40])
@pytest.mark.parametrize("share", [0.01, 0.3, 1.0])
def test_one_and_many_queries_give_the_expected_rows(n_queries: int, share: float) -> None:
    matrix, ids = made_rows(6000, distinct=400)
    allowed = frozen(np.random.default_rng(5).random(6000) < share)
    subsets = Subsets(matrix, 64)
    for _ in range(3):
        rows, _ = compare(matrix, ids, matrix[:n_queries], 12, subsets.of(allowed))
        for query, found in zip(matrix, rows, strict=False):
            assert found.tolist() == expected(query, matrix, ids, 12, allowed)


@pytest.mark.parametrize("n", [10, 4096, 5000, 20_001])
@pytest.mark.parametrize("k", [1, 10, 70, 1000])
def test_near_top_is_what_sorting_gives(n: int, k: int) -> None:
    scores = np.random.default_rng(n + k).integers(50, size=n).astype(np.float32)
    scores[::3] = -np.inf
    floor = np.sort(scores)[-min(k, n)]
    wanted = np.flatnonzero((scores >= floor - 2) & (scores > -np.inf))
    assert near_top(scores, k, 2).tolist() == wanted.tolist()
