"""Nobody is called worse than an equal more often than said, and who is worse is found."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ragkit.evaluation.search.dominance import dominance
from ragkit.evaluation.search.rules import looks

TRIALS = 200


def alike(seed: int, n_configs: int, n: int, kind: str) -> NDArray[np.float64]:
    """Configurations that differ by luck alone, on questions that differ in difficulty."""
    generator = np.random.default_rng(seed)
    hard = generator.random((1, n))
    if kind == "flags":
        return np.asarray(generator.random((n_configs, n)) < hard, dtype=np.float64)[:, :, None]
    if kind == "rare":  # equal on nine of ten questions
        moved = generator.random((n_configs, n)) < 0.1
        return np.asarray(hard + moved * generator.normal(size=(n_configs, n)))[:, :, None]
    return np.asarray(hard + generator.normal(size=(n_configs, n)) * 0.3)[:, :, None]


@pytest.mark.parametrize("kind", ["flags", "rare", "normal"])
def test_equals_are_told_apart_no_more_often_than_alpha(kind: str) -> None:
    """A whole race of six configurations of the same quality, with a look after every block."""
    alpha, ends, wrong = 0.05, looks(80, 20), 0
    for seed in range(TRIALS):
        gains = alike(seed, 6, 80, kind)
        wrong += any(
            dominance(gains[:, :end], alpha=alpha / len(ends), seed=seed + n, slack=10.0).worse.any()
            for n, end in enumerate(ends)
        )
    # Two standard errors above alpha.
    assert wrong / TRIALS <= alpha + 2 * np.sqrt(alpha * (1 - alpha) / TRIALS)


def test_the_very_same_is_never_worse() -> None:
    gains = np.repeat(np.random.default_rng(0).random((1, 50, 2)), 6, axis=0)
    assert not dominance(gains, alpha=0.5, seed=0).worse.any()


def test_a_worse_one_is_found() -> None:
    generator = np.random.default_rng(3)
    good = generator.random(100)
    bad = good - 0.2 + generator.normal(size=100) * 0.1
    worse = dominance(np.stack([bad, good])[:, :, None], alpha=0.05, seed=0).worse
    assert worse.tolist() == [[False, True], [False, False]]


def test_who_may_be_better_elsewhere_is_not_worse() -> None:
    """Ten questions of a hundred speak for the dear one; that it costs more does not make it worse."""
    generator = np.random.default_rng(4)
    quality = np.zeros((2, 100))
    quality[0, :10] = 0.5
    cost = np.stack([-np.full(100, 9.0), -np.full(100, 3.0)]) + generator.normal(size=(2, 100)) * 0.1
    assert not dominance(np.stack([quality, cost], axis=2), alpha=0.05, seed=0).worse.any()


def test_the_same_quality_on_a_few_questions_is_not_the_same_quality() -> None:
    """Equal on twenty questions, which says little of the questions to come, and dearer."""
    quality = np.tile([1.0, 0.0], (3, 10))
    quality[2, ::4] = 0.0  # a third one shows how far apart answers usually are
    cost = np.array([[-9.0], [-3.0], [-3.0]]) + np.zeros((3, 20))
    worse = dominance(np.stack([quality, cost], axis=2), alpha=0.05, seed=0).worse
    assert not worse[0, 1]


def test_time_can_forbid_it() -> None:
    gains = np.stack([np.zeros(50), np.ones(50)])[:, :, None]
    forbidden = np.zeros((2, 2), dtype=bool)
    assert dominance(gains, alpha=0.05, seed=0).worse[0, 1]
    assert not dominance(gains, alpha=0.05, seed=0, may_replace=forbidden).worse.any()


def test_questions_of_a_cluster_count_once() -> None:
    """Thirty copies of one question are one piece of evidence."""
    gains = np.stack([np.zeros(30), np.ones(30)])[:, :, None]
    one = np.zeros(30, dtype=np.intp)
    assert not dominance(gains, clusters=one, alpha=0.05, seed=0).worse.any()


def test_what_was_not_scored_says_nothing() -> None:
    gains = np.stack([np.zeros(60), np.ones(60)])[:, :, None]
    gains[1, :55] = np.nan
    assert not dominance(gains, alpha=0.01, seed=0).worse.any()
