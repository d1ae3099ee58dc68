"""Probabilities of sentences to be the answer, and of there being none."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit.generate.clues import CLUES, Clued
from ragkit.generate.odds import Weights, bundled, confidence, out_of_scope, shares

ONE = Weights((1.0, *[0.0] * (len(CLUES) - 1)), 0.0, (0.0, 1.0, 0.0), (0.0, -2.0, 0.0))


def clued(*values: float, said: float = 0.0) -> Clued:
    rows = np.zeros((len(values), len(CLUES)))
    rows[:, 0] = values
    return Clued(rows, said_in_passage=said)


def test_shares_are_a_softmax_with_a_place_for_none() -> None:
    found = shares(clued(np.log(2), np.log(5)), ONE)
    assert found.tolist() == pytest.approx([2 / 8, 5 / 8])


def test_no_value_is_too_large() -> None:
    assert shares(clued(5000.0, -5000.0), ONE).tolist() == [1.0, 0.0]


def test_a_confidence_is_the_share_where_nothing_is_calibrated() -> None:
    assert confidence(0.25, 0.5, ONE) == pytest.approx(0.25)
    assert 0 < confidence(0.0, 0.0, ONE) < 1e-5 < 1 - 1e-5 < confidence(1.0, 1.0, ONE) < 1


def test_the_less_a_passage_says_of_a_question_the_surer_it_is_out_of_scope() -> None:
    assert out_of_scope(clued(0.0), ONE) == 0.5
    assert out_of_scope(clued(0.0, said=1.0), ONE) < out_of_scope(clued(0.0, said=0.2), ONE)


@pytest.mark.parametrize("embedded", [True, False])
def test_the_bundled_weights_prefer_what_is_judged_better(embedded: bool) -> None:
    low, high = shares(clued(0.2, 0.8), bundled(embedded=embedded))
    assert low < high
