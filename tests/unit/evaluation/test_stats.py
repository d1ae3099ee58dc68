"""Means, intervals and paired differences."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.stats import Figure, mean_figure, paired


def ends(figure: Figure) -> tuple[float, float]:
    assert figure.low is not None
    assert figure.high is not None
    return figure.low, figure.high


def width(figure: Figure) -> float:
    low, high = ends(figure)
    return high - low


def test_an_interval_is_that_of_an_independent_implementation() -> None:
    # scipy.stats.bootstrap(method="BCa", n_resamples=200_000) of scipy 1.17 gives 0.864 and 1.392.
    sample = np.random.default_rng(3).exponential(size=60)
    assert ends(mean_figure(sample)) == pytest.approx((0.864, 1.392), abs=0.01)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(0).random(40)
    assert mean_figure(values, seed=5) == mean_figure(values, seed=5)
    assert mean_figure(values, seed=5) != mean_figure(values, seed=6)


def test_drawing_counts_of_few_values_gives_the_interval_of_drawing_values() -> None:
    few = np.repeat([0.0, 1.0], 40)
    # Noise that no figure shows makes every value a distinct one.
    many = few + np.arange(80) * 1e-9
    assert ends(mean_figure(few)) == pytest.approx(ends(mean_figure(many)), abs=0.013)


def test_skew_moves_the_interval() -> None:
    figure = mean_figure([0.0] * 45 + [1.0] * 5)
    low, high = ends(figure)
    assert high - figure.mean > figure.mean - low > 0


def test_one_value_has_no_interval() -> None:
    assert mean_figure([0.5]) == Figure(0.5, None, None, 1)
    assert str(mean_figure([0.5], failed=2)) == "0.500 [–] n=1 failed=2"


def test_equal_values_have_their_own_interval() -> None:
    assert ends(mean_figure([0.3] * 10)) == pytest.approx((0.3, 0.3))


@pytest.mark.parametrize("values", [[1e-200, 2e-200], [1e150, -1e150], [0.1 + 0.2, 0.3, 0.3]])
def test_values_of_any_size_have_a_finite_interval(values: list[float]) -> None:
    low, high = ends(mean_figure(values))
    assert min(values) <= low <= high <= max(values) * (1 + 1e-12)


def test_clusters_widen_the_interval() -> None:
    values = np.repeat(np.random.default_rng(1).random(20), 10)
    alone = mean_figure(values)
    together = mean_figure(values, clusters=[str(n // 10) for n in range(200)])
    assert together.mean == alone.mean
    assert width(together) > 2 * width(alone)


def test_clusters_of_one_change_nothing() -> None:
    values = np.random.default_rng(1).random(30)
    each = mean_figure(values, clusters=[f"{n:02}" for n in range(30)])
    assert ends(each) == pytest.approx(ends(mean_figure(values)))


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for n in range(200):
        low, high = ends(mean_figure(generator.beta(0.5, 0.5, 100), seed=n))
        covered += low <= 0.5 <= high
    assert 181 <= covered <= 198  # 95 % of 200, give or take what chance allows in 999 of 1,000 cases


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(EvalError, match=r"value 1 is .*: leave out what could not be scored and count it"):
        mean_figure([0.5, value])


def test_nothing_scored_is_an_error() -> None:
    with pytest.raises(EvalError, match="nothing to average: no value was scored, 4 failed"):
        mean_figure([], failed=4)


def test_a_pair_is_compared_query_by_query() -> None:
    change = paired([0.0, 0.5, 1.0, 0.3], [1.0, 0.5, 0.5, 0.1 + 0.2])
    assert change.mean == pytest.approx(0.125)
    assert (change.wins, change.losses, change.ties) == (1, 1, 2)
    assert change.p == 1.0  # signs ++ +- -+ -- of 1 and .5: all go as far as .5


def test_binary_pairs_are_tested_exactly() -> None:
    before, after = [0.0] * 130 + [1.0] * 70, [1.0] * 40 + [0.0] * 90 + [1.0] * 60 + [0.0] * 10
    change = paired(before, after)
    assert (change.test, change.wins, change.losses) == ("McNemar", 40, 10)
    assert change.p == pytest.approx(2 * sum(math.comb(50, k) for k in range(11)) / 2**50)
    assert change.effect == pytest.approx(0.15 / np.std(np.subtract(after, before), ddof=1))


def test_binary_pairs_in_clusters_are_tested_by_cluster() -> None:
    change = paired([0.0] * 8, [1.0] * 8, clusters=["a"] * 4 + ["b"] * 4)
    assert (change.test, change.p) == ("randomisation", 0.5)


def test_equal_systems_do_not_differ() -> None:
    change = paired([0.1, 0.9], [0.1, 0.9], failed=3)
    assert (change.mean, change.low, change.high, change.p, change.ties) == (0.0, 0.0, 0.0, 1.0, 2)
    assert change.detectable is None
    assert str(change) == "+0.000 [+0.000, +0.000] p=1.0000 n=2 failed=3"


def test_one_pair_tells_nothing() -> None:
    change = paired([0.0], [1.0])
    assert (change.low, change.high, change.detectable, change.p) == (None, None, None, 1.0)


def test_pairs_in_clusters_are_tested_by_cluster() -> None:
    better = [0.1] * 100
    apart = paired([0.0] * 100, better)
    together = paired([0.0] * 100, better, clusters=[str(n % 4) for n in range(100)])
    assert apart.p < 0.001
    assert together.p == 2 / 2**4


def test_what_can_be_detected_falls_with_the_root_of_n() -> None:
    spread = [0.0, 1.0] * 50
    small, large = paired([0.5] * 100, spread), paired([0.5] * 400, spread * 4)
    assert small.detectable is not None
    assert large.detectable is not None
    assert small.detectable / large.detectable == pytest.approx(2, rel=0.01)


def test_pairs_that_do_not_match_are_refused() -> None:
    with pytest.raises(EvalError, match="2 values against 1: expected one pair per query"):
        paired([0.1, 0.2], [0.1])
    with pytest.raises(EvalError, match="2 values, 1 clusters: expected one cluster per value"):
        mean_figure([0.1, 0.2], clusters=["a"])
