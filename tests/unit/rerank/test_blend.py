"""`Blend`: worked examples, and properties that hold for any scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ragkit.errors import ModelError
from ragkit.rerank.blend import Blend, standardised

FINITE = st.floats(-1e4, 1e4, width=32)
LISTS = st.integers(1, 12).flatmap(
    lambda n: st.tuples(arrays(np.float64, n, elements=FINITE), arrays(np.float64, n, elements=FINITE))
)


def blend(
    model: float = 1.0, first: float = 1.0, long: float = 0.0, bias: float = 0.0, highest: float | None = None
) -> Blend:
    return Blend(model=model, first=first, long=long, bias=bias, highest=highest)


def test_both_parts_add_up_to_a_logit() -> None:
    # first: mean 2, deviation 1 -> z = -1, 1; logits 0.5 * s + 2 * z + 0.25
    made = blend(0.5, 2.0, bias=0.25).of(np.array([1.0, 3.0]), np.array([4.0, -2.0]), n_words=5)
    assert made == pytest.approx(1 / (1 + np.exp([-0.25, -1.25])))


def test_the_scale_of_the_scores_before_does_not_matter() -> None:
    first, scores = np.array([0.9, 0.4, 0.1]), np.array([0.0, 1.0, 2.0])
    small = blend().of(first, scores, n_words=3)
    assert blend().of(first * 1000 - 7, scores, n_words=3) == pytest.approx(small)


def test_a_long_query_trusts_the_model_less_and_never_turns_it_round() -> None:
    first, scores = np.array([1.0, 0.0]), np.array([-3.0, 3.0])
    lengths = (4, 16, 32, 64, 4096)
    gaps = [np.diff(blend(1.0, 1.0, long=0.5).of(first, scores, n_words=n))[0] for n in lengths]
    assert gaps[0] == gaps[1] > gaps[2] > gaps[3] > gaps[4]
    assert gaps[4] == pytest.approx(np.diff(1 / (1 + np.exp([-1.0, 1.0])))[0])  # the model counts for nothing


def test_a_passage_that_cannot_be_judged_takes_the_mean_of_the_others() -> None:
    first = np.array([3.0, 2.0, 1.0])
    made = blend().of(first, np.array([np.nan, 4.0, 0.0]), n_words=4)
    assert made == pytest.approx(blend().of(first, np.array([2.0, 4.0, 0.0]), n_words=4))


def test_where_none_can_be_judged_the_order_before_stays() -> None:
    made = blend().of(np.array([1.0, 3.0, 2.0]), np.full(3, np.nan), n_words=4)
    assert np.argsort(-made).tolist() == [1, 2, 0]


def test_scores_before_that_are_all_the_same_leave_it_to_the_model() -> None:
    assert standardised(np.full(3, 0.1)).tolist() == [0.0, 0.0, 0.0]


@given(LISTS, st.integers(0, 500))
def test_scores_are_probabilities_and_a_better_pair_is_never_below(
    lists: tuple[np.ndarray, np.ndarray], n_words: int
) -> None:
    first, scores = lists
    made = blend(0.7, 0.4, long=0.3).of(first, scores, n_words=n_words)
    assert ((made >= 0) & (made <= 1)).all()
    ahead = (first[:, None] >= first) & (scores[:, None] >= scores)
    assert (made[:, None] - made)[ahead].min() >= -1e-12


@given(LISTS, st.integers(0, 500))
def test_no_score_is_above_its_reach(lists: tuple[np.ndarray, np.ndarray], n_words: int) -> None:
    first, scores = lists
    made = blend(0.7, 0.4, long=0.3, highest=2.0)
    reach = made.reach(first, n_words=n_words)
    assert (made.of(first, scores, n_words=n_words) <= reach).all()
    assert (blend().reach(first, n_words=n_words) == 1.0).all()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["model", "first", "long", "bias", "highest"])
def test_weights_that_are_no_numbers_are_refused(name: str, value: float) -> None:
    with pytest.raises(ModelError, match="blend of reranker 'mine' cannot be read"):
        Blend.given("mine", {"model": 1.0, "first": 1.0, name: value})


@pytest.mark.parametrize(
    "values", [{"model": -1.0, "first": 0.0}, {"first": 1.0}, {"model": 1.0, "first": 1.0, "wat": 2}]
)
def test_weights_that_are_none_are_refused_by_the_models_name(values: dict[str, float]) -> None:
    with pytest.raises(ModelError, match="blend of reranker 'mine'"):
        Blend.given("mine", values)
