"""The order of a run, and what a run refuses."""

from __future__ import annotations

import math

import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.run import Run


def test_ties_break_by_id_the_higher_first() -> None:
    assert Run("r", scores={"q": {"a": 1.0, "c": 1.0, "b": 1.0}}).ranked("q") == ["c", "b", "a"]


def test_scores_that_are_equal_as_32_bit_floats_tie() -> None:
    assert Run("r", scores={"q": {"a": 1.0 + 1e-10, "b": 1.0}}).ranked("q") == ["b", "a"]
    assert Run("r", scores={"q": {"a": 1e300, "b": 1e301}}).ranked("q") == ["b", "a"]
    assert Run("r", scores={"q": {"a": 1.0 + 1e-6, "b": 1.0}}).ranked("q") == ["a", "b"]


def test_an_order_is_kept_and_a_repetition_is_not() -> None:
    assert Run.of_orders("r", {"q": ["a", "z", "a", "m"]}).ranked("q") == ["a", "z", "m"]


def test_a_long_order_is_kept() -> None:
    order = [f"d{n}" for n in range(50_000)]
    assert Run.of_orders("r", {"q": order}).ranked("q") == order


def test_a_query_that_is_not_there_found_nothing() -> None:
    assert Run("r", scores={}).ranked("q") == []


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_refused(score: float) -> None:
    with pytest.raises(EvalError, match=r"run 'r': query 'q', document 'a': score .*: expected a finite"):
        Run("r", scores={"q": {"a": score}})


def test_a_query_cannot_fail_and_have_a_ranking() -> None:
    with pytest.raises(EvalError, match="query 'q' failed and has a ranking"):
        Run("r", scores={"q": {}}, failed={"q": "timeout"})
