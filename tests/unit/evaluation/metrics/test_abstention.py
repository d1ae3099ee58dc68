"""Abstention and AURC by hand, and against plain loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from ragkit.evaluation.dataset import Evidence
from ragkit.evaluation.metrics.abstention import Abstention
from ragkit.evaluation.metrics.aurc import Aurc
from ragkit.evaluation.metrics.metric import Floats, WeightedMetric
from ragkit.evaluation.outcome import Reply
from ragkit.types import Sentence
from tests.unit.evaluation.metrics.making import ABSTAINED, WARRANTY, case, cite, says

SEED = 3
SET_METRICS = [Abstention("precision"), Abstention("recall"), Abstention("F1"), Aurc()]
tables = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])), min_size=1, max_size=7)


def test_what_a_question_adds_to_abstention() -> None:
    metric = Abstention("F1")
    assert metric.parts(case(reply=ABSTAINED, is_answerable=False)) == (1.0, 1.0)
    assert metric.parts(case(reply=says("x"), is_answerable=True)) == (0.0, 0.0)
    assert metric.parts(case(reply=says("x"))) is None
    assert metric.parts(case(is_answerable=True)) is None


def test_a_question_with_a_known_answer_can_be_answered_without_being_marked() -> None:
    metric = Abstention("precision")
    assert metric.parts(case(reply=ABSTAINED, answers=("two years",))) == (1.0, 0.0)
    assert metric.parts(case(reply=ABSTAINED, evidence=(Evidence("a", span=WARRANTY),))) == (1.0, 0.0)
    assert metric.parts(case(reply=ABSTAINED, judged={"a": 1})) == (1.0, 0.0)
    assert metric.parts(case(reply=ABSTAINED, judged={"a": 0})) is None
    assert metric.parts(case(reply=ABSTAINED, answers=("two years",), is_answerable=False)) == (1.0, 1.0)


def test_abstention_by_hand() -> None:
    # Declined 3, of which 2 rightly; 4 should have been.
    parts = np.array([[1, 1], [1, 1], [1, 0], [0, 1], [0, 1], [0, 0]], dtype=float)
    values = [Abstention(side).value(parts) for side in ("precision", "recall", "F1")]
    assert values == pytest.approx([2 / 3, 2 / 4, 4 / 7])


def test_a_share_of_nothing_is_not_defined() -> None:
    never = np.array([[0, 1], [0, 0]], dtype=float)
    assert Abstention("precision").value(never) is None
    assert Abstention("recall").value(never) == 0.0
    assert Abstention("recall").value(np.array([[1.0, 0.0]])) is None
    assert Abstention("F1").value(np.array([[0.0, 0.0]])) is None


def risk_coverage(parts: Floats) -> float:
    """The definition, averaged over every order that the confidences allow."""
    orders = [
        order
        for order in itertools.permutations(range(len(parts)))
        if all(parts[a][0] >= parts[b][0] for a, b in itertools.pairwise(order))
    ]
    areas = [
        np.mean([np.mean([parts[i][1] for i in order[: n + 1]]) for n in range(len(order))])
        for order in orders
    ]
    return float(np.mean(areas))


@seed(SEED)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=6
    )
)
def test_aurc_is_the_mean_over_all_orders_of_ties(parts: list[tuple[float, float]]) -> None:
    array = np.array(parts)
    assert Aurc().value(array) == pytest.approx(risk_coverage(array))


def test_confidence_and_loss_of_a_reply() -> None:
    sentences = (
        Sentence("Two years.", citations=(cite(support=0.5), cite(support=0.9))),
        Sentence("Good.", citations=()),
    )
    assert Aurc().parts(case(reply=Reply("", sentences=sentences), answers=["two years"])) == (0.45, 0.0)
    assert Aurc().parts(case(reply=says("Ten.", cite(support=0.7)), answers=["two years"])) == (0.7, 1.0)
    assert Aurc().parts(case(reply=ABSTAINED, answers=["two years"])) == (0.0, 1.0)
    assert Aurc().parts(case(reply=ABSTAINED, is_answerable=False)) == (0.0, 0.0)
    assert Aurc().parts(case(reply=says("Ten."))) is None


@pytest.mark.parametrize("metric", SET_METRICS, ids=lambda metric: metric.name)
@seed(SEED)
@given(parts=tables, data=st.data())
def test_resamples_at_once_are_those_one_by_one(
    metric: WeightedMetric, parts: list[tuple[float, float]], data: st.DataObject
) -> None:
    array, n = np.array(parts), len(parts)
    rows = data.draw(
        st.lists(st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any), min_size=1, max_size=4)
    )
    values = metric.weighted(array, np.array(rows, dtype=float))
    for row, value in zip(rows, values, strict=True):
        alone = metric.value(np.repeat(array, row, axis=0))
        assert (alone is None) if np.isnan(value) else alone == pytest.approx(value)
