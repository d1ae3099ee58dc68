"""Scoring a run: what counts as 0, what is counted apart, what is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.run import Run
from ragkit.evaluation.scores import Scores, score

QRELS = {"q1": {"a": 1}, "q2": {"b": 1}, "q3": {"c": 0}}


class Constant:
    name = "Constant"

    def __init__(self, value: float) -> None:
        self.value = value

    def score(self, ranked: Sequence[str], judged: Mapping[str, int]) -> float:
        return self.value


def scored(orders: Mapping[str, Sequence[str]], **more: Mapping[str, str]) -> Scores:
    return score(Run.of_orders("r", orders, **more), QRELS, ["RR@10", "P@1"])


def test_a_judged_query_that_is_missing_scores_zero() -> None:
    scores = scored({"q1": ["a"], "q3": ["c"]})
    assert scores.of("RR@10") == {"q1": 1.0, "q2": 0.0, "q3": 0.0}
    assert scores.missing == ("q2",)


def test_a_query_without_judgements_is_not_scored() -> None:
    scores = scored({"q1": ["a"], "other": ["a"]})
    assert "other" not in scores.of("P@1")
    assert scores.unjudged == ("other",)


def test_a_query_with_an_empty_judgement_is_not_scored() -> None:
    scores = score(Run.of_orders("r", {"q1": ["a"]}), {"q1": {"a": 1}, "q2": {}}, ["RR"])
    assert scores.of("RR") == {"q1": 1.0}


def test_a_query_that_failed_is_in_no_mean_and_is_counted() -> None:
    figure = scored({"q1": ["a"], "q3": []}, failed={"q2": "timeout"}).figure("RR@10")
    assert (figure.mean, figure.n, figure.failed) == (0.5, 2, 1)


def test_queries_with_nothing_relevant_are_named() -> None:
    assert scored({"q1": ["a"]}).without_relevant == ("q3",)


def test_clusters_are_given_by_query() -> None:
    scores = scored({"q1": ["a"], "q2": ["x", "b"], "q3": ["c"]})
    together = scores.figure("RR@10", clusters={"q1": "x", "q2": "x", "q3": "x"})
    assert (together.mean, together.low) == (0.5, None)
    assert scores.figure("RR@10").low is not None


def test_a_measure_of_ones_own() -> None:
    assert score(Run.of_orders("r", {"q1": ["a"]}), QRELS, [Constant(0.25)]).figure("Constant").mean == 0.25


def test_a_measure_that_gives_no_number_is_refused() -> None:
    with pytest.raises(EvalError, match="measure 'Constant' of query 'q1': nan: expected a finite number"):
        score(Run.of_orders("r", {"q1": ["a"]}), QRELS, [Constant(math.nan)])


def test_ids_that_do_not_match_are_told_from_a_bad_system() -> None:
    with pytest.raises(EvalError, match=r"none of the 3 judged queries: do ids match.*'q1', run is 'Q1'"):
        scored({"Q1": ["a"]})


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(EvalError, match="there are no judgements"):
        score(Run("r", scores={"q1": {}}), {}, ["RR"])
    with pytest.raises(EvalError, match="there are no measures"):
        score(Run("r", scores={"q1": {}}), QRELS, [])


def test_a_measure_that_was_not_asked_for_is_named() -> None:
    with pytest.raises(
        EvalError, match=r"r: has no measure 'RR@1'. Did you mean 'RR@10'\? It has: RR@10, P@1"
    ):
        scored({"q1": ["a"]}).figure("RR@1")


def test_all_failed_is_an_error_not_a_number() -> None:
    with pytest.raises(EvalError, match="no value was scored, 3 failed"):
        scored({}, failed=dict.fromkeys(QRELS, "timeout")).figure("RR@10")
