"""Intervals of measures of a set."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.abstention import Abstention
from ragkit.evaluation.metrics.metric import Floats, Need
from ragkit.evaluation.set_figure import set_figure
from ragkit.evaluation.stats import Figure, mean_figure
from tests.scale import scaled

RATIO = Abstention("precision")


class Mean:
    """The mean as a measure of a set, resample by resample."""

    name = "mean"
    needs: frozenset[Need] = frozenset()

    def parts(self, case: Case) -> tuple[float, ...] | None:
        return None

    def value(self, parts: Floats) -> float | None:
        return float(parts.mean())


class FastMean(Mean):
    def weighted(self, parts: Floats, weights: Floats) -> Floats:
        return np.asarray(weights @ parts[:, 0] / weights.sum(axis=1), dtype=np.float64)


def figure(*args: object, **more: object) -> Figure:
    made = set_figure(*args, **more)  # type: ignore[arg-type]
    assert made is not None
    return made


@pytest.mark.parametrize(("metric", "close"), [(FastMean(), 0.012), (Mean(), 0.03)])
@pytest.mark.parametrize("clusters", [None, [str(n // 4) for n in range(60)]])
def test_the_mean_as_a_set_has_the_interval_of_the_mean(
    metric: Mean, close: float, clusters: list[str] | None
) -> None:
    values = np.random.default_rng(3).exponential(size=60)
    alone, as_set = mean_figure(values, clusters=clusters), figure(metric, values[:, None], clusters=clusters)
    assert as_set.mean == pytest.approx(alone.mean)
    assert (as_set.low, as_set.high) == pytest.approx((alone.low, alone.high), abs=close)


def test_counting_kinds_gives_the_interval_of_drawing_questions() -> None:
    few = np.array([[1, 1]] * 30 + [[1, 0]] * 20 + [[0, 1]] * 30)
    # Noise that no figure shows makes every question a kind of its own.
    many = few + np.arange(160).reshape(80, 2) * 1e-9
    one, other = figure(RATIO, few.astype(float)), figure(RATIO, many)
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=0.015)


def test_the_same_seed_gives_the_same_interval() -> None:
    parts = np.random.default_rng(0).integers(0, 2, (80, 2)).astype(float)
    assert figure(RATIO, parts, seed=4) == figure(RATIO, parts, seed=4)
    assert figure(RATIO, parts, seed=4) != figure(RATIO, parts, seed=5)


def test_what_is_not_defined_has_no_figure() -> None:
    assert set_figure(RATIO, np.zeros((5, 2))) is None


def test_one_question_has_no_interval() -> None:
    assert figure(RATIO, np.ones((1, 2)), failed=2) == Figure(1.0, None, None, 1, 2)
    assert figure(RATIO, np.ones((4, 2)), clusters=["a"] * 4).low is None


def test_a_measure_that_resampling_mostly_loses_has_no_interval() -> None:
    parts = np.zeros((50, 2))
    parts[0] = 1.0  # the one abstention is not drawn in a third of the resamples
    assert figure(RATIO, parts) == Figure(1.0, None, None, 50)


def test_a_value_that_is_no_number_is_refused() -> None:
    class Broken(Mean):
        def value(self, parts: Floats) -> float | None:
            return math.nan

    with pytest.raises(EvalError, match="measure 'mean': nan: expected a finite number, or None"):
        set_figure(Broken(), np.ones((3, 1)))


def test_intervals_of_a_ratio_cover_the_truth_about_as_often_as_they_say() -> None:
    # P(unanswerable | declined) is 0.7 by construction.
    generator, n_sims, covered = np.random.default_rng(1), scaled(4_000), 0
    for n in range(n_sims):
        declined = generator.random(150) < 0.4
        truth = generator.random(150) < np.where(declined, 0.7, 0.2)
        made = figure(RATIO, np.column_stack((declined, truth)).astype(float), seed=n)
        assert made.low is not None
        assert made.high is not None
        covered += made.low <= 0.7 <= made.high
    slack = 3.3 * math.sqrt(0.95 * 0.05 / n_sims)  # chance, in 999 of 1,000 cases
    assert 0.93 - slack <= covered / n_sims <= 0.97 + slack
