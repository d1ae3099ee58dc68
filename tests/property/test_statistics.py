"""What the statistics promise, held against truths that are known: 10,000 simulated sets at full scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from ragkit.evaluation.bootstrap import Floats
from ragkit.evaluation.stats import mean_figure, paired
from tests.scale import scaled

SEED = 11
N_SIMULATIONS = scaled(10_000, part=50)
Draw = Callable[[np.random.Generator], Floats]


def graded(generator: np.random.Generator) -> Floats:
    """100 values like those of nDCG: a third nothing, a third all, the rest between; the mean is 0.5."""
    kind = generator.integers(0, 3, 100)
    return np.where(kind == 0, 0.0, np.where(kind == 1, 1.0, generator.beta(2, 2, 100)))


def right_or_wrong(generator: np.random.Generator) -> Floats:
    """100 of 0 or 1; the mean is 0.7."""
    return (generator.random(100) < 0.7).astype(np.float64)


def reciprocal(generator: np.random.Generator) -> Floats:
    """100 reciprocal ranks, 1 to 10 alike; the mean is the tenth harmonic number by 10."""
    return 1.0 / generator.integers(1, 11, 100)


def skewed(generator: np.random.Generator) -> Floats:
    """100 of a skewed distribution without a bound; the mean is 1."""
    return generator.gamma(2.0, 0.5, 100)


def share_within(n: int, low: float, high: float) -> tuple[float, float]:
    """The bounds for a share that is promised to lie within `low` and `high`.

    At full scale these; else as much wider as chance takes it with `n` simulations in 999 of 1,000 cases.
    """
    slack = 3.3 * math.sqrt(0.05 * 0.95 / n)
    return (low, high) if n >= 10_000 else (low - slack, high + slack)


@pytest.mark.parametrize(
    ("draw", "truth"),
    [
        (graded, 0.5),
        (right_or_wrong, 0.7),
        (reciprocal, sum(1 / k for k in range(1, 11)) / 10),
        (skewed, 1.0),
    ],
)
def test_intervals_hold_the_truth_in_95_of_100_cases(draw: Draw, truth: float) -> None:
    generator, n_held = np.random.default_rng(SEED), 0
    for n in range(N_SIMULATIONS):
        figure = mean_figure(draw(generator), seed=n)
        assert figure.low is not None
        assert figure.high is not None
        n_held += figure.low <= truth <= figure.high
    low, high = share_within(N_SIMULATIONS, 0.93, 0.97)
    print(f"coverage of {draw.__name__}: {n_held / N_SIMULATIONS:.4f}")
    assert low <= n_held / N_SIMULATIONS <= high


def alike_systems(generator: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Two systems that are equally good and answer each question in their own way, as an A/A run does."""
    difficulty = generator.random(n)
    runs = np.clip(difficulty + generator.normal(0, 0.3, (2, n)), 0, 1)
    return runs[0], runs[1]


def correct_in_clusters(generator: np.random.Generator) -> Iterator[Floats]:
    """Two systems on 60 documents with three questions each, whose results go together."""
    document = np.repeat(generator.normal(0, 0.3, (2, 60)), 3, axis=1)
    yield from np.clip(0.5 + document + generator.normal(0, 0.1, (2, 180)), 0, 1)


def test_equal_systems_are_told_apart_in_5_of_100_cases() -> None:
    generator, n_alarms, n_apart = np.random.default_rng(SEED), 0, 0
    for n in range(N_SIMULATIONS):
        change = paired(*alike_systems(generator, 100), seed=n)
        assert change.low is not None
        assert change.high is not None
        n_alarms += change.p < 0.05
        n_apart += not change.low <= 0 <= change.high
    low, high = share_within(N_SIMULATIONS, 0.04, 0.06)
    print(f"p < .05: {n_alarms / N_SIMULATIONS:.4f}, interval without 0: {n_apart / N_SIMULATIONS:.4f}")
    assert low <= n_alarms / N_SIMULATIONS <= high
    assert share_within(N_SIMULATIONS, 0.03, 0.07)[0] <= n_apart / N_SIMULATIONS
    assert n_apart / N_SIMULATIONS <= share_within(N_SIMULATIONS, 0.03, 0.07)[1]


def test_equal_systems_are_told_apart_as_rarely_where_questions_go_together() -> None:
    generator, n_alarms = np.random.default_rng(SEED), 0
    documents = [str(n // 3) for n in range(180)]
    for n in range(N_SIMULATIONS):
        before, after = correct_in_clusters(generator)
        n_alarms += paired(before, after, clusters=documents, seed=n).p < 0.05
    low, high = share_within(N_SIMULATIONS, 0.04, 0.06)
    print(f"p < .05 in clusters: {n_alarms / N_SIMULATIONS:.4f}")
    assert low <= n_alarms / N_SIMULATIONS <= high


def test_the_exact_test_of_binary_measures_never_alarms_too_often() -> None:
    # Whole numbers of wins leave gaps between the p values, so that an exact test stays below its level.
    generator, n_alarms = np.random.default_rng(SEED), 0
    for n in range(N_SIMULATIONS):
        before, after = (generator.random((2, 300)) < 0.6).astype(np.float64)
        n_alarms += paired(before, after, seed=n).p < 0.05
    print(f"p < .05 by McNemar: {n_alarms / N_SIMULATIONS:.4f}")
    assert n_alarms / N_SIMULATIONS <= share_within(N_SIMULATIONS, 0.0, 0.05)[1]


def test_a_detectable_difference_is_found_in_4_of_5_cases() -> None:
    generator, n_found, n_simulations = np.random.default_rng(SEED), 0, max(100, N_SIMULATIONS // 5)
    for n in range(n_simulations):
        before = generator.normal(0.5, 0.2, 100)
        least = (1.959964 + 0.841621) * 0.1 / 10  # the spread is 0.1, the root of n is 10
        change = paired(before, before + generator.normal(least, 0.1, 100), seed=n)
        assert change.detectable == pytest.approx(least, rel=0.4)
        n_found += change.p < 0.05
    slack = 3.3 * math.sqrt(0.8 * 0.2 / n_simulations)
    print(f"power at the detectable difference: {n_found / n_simulations:.4f}")
    assert 0.78 - slack <= n_found / n_simulations <= 0.82 + slack
