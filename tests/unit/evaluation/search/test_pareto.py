"""Fronts and the volume that they dominate."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ragkit.evaluation.search.hypervolume import hypervolume
from ragkit.evaluation.search.pareto import dominated_by, front, fronts, most_promising


def points_of(n: int, m: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).random((n, m))


def test_a_worked_example() -> None:
    # Three steps of a stair: 1 x 3, 1 x 2, 1 x 1.
    assert hypervolume(np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]]), np.zeros(2)) == 6.0
    assert hypervolume(np.array([[1.0, 1.0, 1.0], [2.0, 1.0, 0.5]]), np.zeros(3)) == 1.5


@pytest.mark.parametrize("m", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_agrees_with_monte_carlo(m: int, seed: int) -> None:
    points, generator = points_of(12, m, seed), np.random.default_rng(seed)
    thrown = generator.random((200_000, m))
    hit = np.zeros(len(thrown), dtype=bool)
    for point in points:
        hit |= (thrown <= point).all(axis=1)
    # Four standard errors of 200,000 throws.
    assert hypervolume(points, np.zeros(m)) == pytest.approx(hit.mean(), abs=4 * 0.5 / np.sqrt(len(thrown)))


@given(n=st.integers(1, 12), m=st.integers(1, 4), seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_only_the_front_counts(n: int, m: int, seed: int) -> None:
    points = points_of(n, m, seed)
    whole = hypervolume(points, np.zeros(m))
    assert hypervolume(points[front(points)], np.zeros(m)) == pytest.approx(whole, rel=1e-12)
    assert hypervolume(points[::-1], np.zeros(m)) == pytest.approx(whole, rel=1e-12)


@given(n=st.integers(1, 20), m=st.integers(1, 3), seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_layers_hold_each_point_once_and_each_is_beaten_by_the_one_before(n: int, m: int, seed: int) -> None:
    points = np.round(points_of(n, m, seed), 1)
    layers, beaten = fronts(points), dominated_by(points)
    assert sorted(i for layer in layers for i in layer) == list(range(n))
    for before, after in pairwise(layers):
        assert all(beaten[i, before].any() for i in after)
        assert not beaten[np.ix_(after, after)].any()


def test_equal_points_are_all_on_the_front() -> None:
    assert front(np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 1.0]])) == [0, 1]


def test_a_point_that_spans_more_goes_before() -> None:
    close = np.array([[0.50, 0.50], [0.51, 0.49], [1.0, 0.0], [0.0, 1.0], [0.1, 0.1]])
    order = most_promising(close)
    assert set(order[:3]) in ({0, 2, 3}, {1, 2, 3})
    assert order[-1] == 4


def test_nothing_has_no_volume() -> None:
    assert hypervolume(np.empty((0, 2)), np.zeros(2)) == 0.0
    assert hypervolume(np.array([[1.0, 0.0]]), np.zeros(2)) == 0.0
