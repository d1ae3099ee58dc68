"""Hits that are not good enough, and probabilities for scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.errors import ConfigError, EvalError
from ragkit.rerank.calibration import Calibration
from ragkit.rerank.threshold import Threshold
from ragkit.types import Hit, QueryPlan, Ranking
from tests.unit.making import chunk, run_context


def ranked(*scores: float) -> Ranking:
    return Ranking(QueryPlan.of("?"), tuple(Hit(chunk(str(n), "x"), s) for n, s in enumerate(scores)))


def left(given: Ranking, **settings: object) -> list[float]:
    return [hit.score for hit in Threshold(**settings).run(given, run_context()).hits]


def test_hits_below_the_least_score_are_dropped() -> None:
    assert left(ranked(0.9, 0.5, 0.49), least=0.5) == [0.9, 0.5]


def test_hits_below_a_share_of_the_best_are_dropped() -> None:
    assert left(ranked(8.0, 4.0, 3.9), share=0.5) == [8.0, 4.0]
    assert left(ranked(-1.0, -8.0), share=0.5) == [-1.0, -8.0]


def test_the_stricter_of_two_limits_counts() -> None:
    assert left(ranked(0.8, 0.5, 0.3), least=0.2, share=0.5) == [0.8, 0.5]
    assert left(ranked(0.8, 0.5, 0.3), least=0.6, share=0.5) == [0.8]


def test_the_first_hits_stay_whatever_their_scores() -> None:
    assert left(ranked(0.2, 0.1, 0.05), least=0.5, min_k=2) == [0.2, 0.1]
    assert left(ranked(0.2), least=0.5) == []
    assert left(ranked(), least=0.5, min_k=3) == []


def test_a_calibration_makes_probabilities_of_scores() -> None:
    stage = Threshold(least=0.5, calibration={"slope": 2.0, "offset": -4.0})
    hits = stage.run(ranked(3.0, 2.0, 1.0), run_context()).hits
    assert [hit.score for hit in hits] == pytest.approx([1 / (1 + np.exp(-2.0)), 0.5])
    assert [hit.scores["before_threshold"] for hit in hits] == [3.0, 2.0]


def test_a_stage_that_would_drop_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="set `least` or `share`"):
        Threshold(min_k=2)


def test_a_fitted_calibration_finds_the_odds_that_were_drawn() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(5.0, 2.0, 20_000)
    relevant = rng.random(20_000) < 1.0 / (1.0 + np.exp(-(1.5 * scores - 8.0)))
    found = Calibration.fitted(scores.tolist(), relevant.tolist())
    assert [found.slope, found.offset] == pytest.approx([1.5, -8.0], rel=0.05)


def test_scores_that_a_line_divides_have_a_calibration_all_the_same() -> None:
    found = Calibration.fitted([0.0, 1.0, 2.0, 3.0], [False, False, True, True])
    low, high = found.of([1.0, 2.0])
    assert low < 0.5 < high < 1.0


@pytest.mark.parametrize(
    ("scores", "relevant"),
    [
        ([], []),
        ([1.0], [True]),
        ([1.0, 1.0], [True, False]),
        ([1.0, 2.0], [True, False]),
        ([np.nan, 2.0], [True, False]),
    ],
)
def test_what_tells_nothing_apart_is_refused(scores: list[float], relevant: list[bool]) -> None:
    with pytest.raises(EvalError, match="relevant"):
        Calibration.fitted(scores, relevant)


@given(st.lists(st.floats(-100, 100), max_size=8), st.floats(-100, 100), st.integers(0, 9))
def test_what_is_left_is_what_was_best(scores: list[float], least: float, min_k: int) -> None:
    scores.sort(reverse=True)
    kept = left(ranked(*scores), least=least, min_k=min_k)
    assert kept == scores[: len(kept)]
    assert len(kept) == max(min(min_k, len(scores)), sum(score >= least for score in scores))
