"""Figures of measures: what is counted, what is left out, what is refused."""

from __future__ import annotations

import math
from typing import cast

import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.case import Case
from ragkit.evaluation.measure import Measured, measure
from ragkit.evaluation.metrics.abstention import Abstention
from ragkit.evaluation.metrics.metric import Floats, Need, Unscored
from ragkit.evaluation.metrics.own import FunctionMetric
from ragkit.evaluation.metrics.resolve import resolve_metrics
from ragkit.evaluation.outcome import Outcome
from tests.unit.evaluation.metrics.making import ABSTAINED, case, says


def constant(value: object, name: str = "constant") -> FunctionMetric:
    return FunctionMetric(name, function=lambda case: cast(float, value), needs=frozenset())


def answered(id_: str, text: str, *, answers: tuple[str, ...] = ("two years",)) -> Case:
    return case(reply=says(text), answers=answers, is_answerable=bool(answers), id_=id_)


def declined(id_: str, is_answerable: bool | None) -> Case:
    return case(
        reply=ABSTAINED, is_answerable=is_answerable, answers=("x",) if is_answerable else (), id_=id_
    )


def measured(*cases: Case, names: tuple[str, ...] = ("EM",)) -> Measured:
    return measure(cases, {"q9": "timeout"}, resolve_metrics(names))


def test_a_mean_is_over_what_the_measure_speaks_of() -> None:
    unknown = case(reply=says("Two years."), id_="q3")
    found = measured(answered("q1", "Two years."), answered("q2", "Three."), unknown)
    figure = found.figures["EM"]
    assert (figure.mean, figure.n, figure.failed) == (0.5, 2, 1)
    assert found.values == {"EM": {"q1": 1.0, "q2": 0.0}}


def test_a_measure_of_a_set_has_its_own_n() -> None:
    cases = (declined("q1", False), declined("q2", True), answered("q3", "x"), declined("q4", None))
    found = measured(*cases, names=("abstention.precision", "EM"))
    figure = found.figures["abstention.precision"]
    assert (figure.mean, figure.n, figure.failed) == (0.5, 3, 1)
    assert found.parts["abstention.precision"] == {"q1": (1.0, 1.0), "q2": (1.0, 0.0), "q3": (0.0, 0.0)}
    assert list(found.values) == ["EM"]


def test_a_measure_without_a_figure_says_why() -> None:
    found = measured(answered("q1", "x"), names=("usd", "abstention.precision", "EM"))
    assert list(found.figures) == ["EM"]
    assert found.unmeasured == {
        "usd": "it says nothing about any of 1 questions",
        "abstention.precision": "it is not defined for these 1 questions",
    }


def test_where_all_failed_there_is_no_figure() -> None:
    assert measured().unmeasured == {"EM": "all 1 questions failed"}


@pytest.mark.parametrize("value", [math.nan, math.inf, "1", [1.0]])
def test_what_is_no_number_is_refused_by_name_and_question(value: object) -> None:
    with pytest.raises(EvalError, match=r"measure 'constant' of question 'q7': .* expected a finite number"):
        measure([case(id_="q7")], {}, [constant(value)])


def test_a_measure_that_raises_is_told_by_name_and_question() -> None:
    def broken(case: Case) -> float:
        raise KeyError("gold")

    with pytest.raises(EvalError, match="measure 'mine' of question 'q7': KeyError: 'gold'"):
        measure([case(id_="q7")], {}, [FunctionMetric("mine", function=broken, needs=frozenset())])


def test_a_failed_question_is_no_case() -> None:
    failed = Case(
        case(id_="q7").question, judged={}, outcome=Outcome("q7", error="timeout"), texts=case().texts
    )
    with pytest.raises(EvalError, match="question 'q7' failed: count it"):
        measure([failed], {}, [constant(1.0)])


def test_clusters_widen_both_kinds_of_figures() -> None:
    cases = [
        case(
            reply=ABSTAINED,
            is_answerable=n % 40 >= 20,
            id_=f"q{n}",
            answers=["x"],
        )
        for n in range(200)
    ]
    clusters = {f"q{n}": str(n // 20) for n in range(200)}
    metrics = [*resolve_metrics(["contains"]), Abstention("precision")]
    for metric in metrics:
        alone = measure(cases, {}, [metric]).figures[metric.name]
        together = measure(cases, {}, [metric], clusters=clusters).figures[metric.name]
        assert alone.low is not None
        assert alone.high is not None
        assert together.low is not None
        assert together.high is not None
        assert together.mean == alone.mean
        assert together.high - together.low > 2 * (alone.high - alone.low)


def test_what_a_measure_cannot_score_is_counted_as_failed_for_it_alone() -> None:
    def some(case: Case) -> float:
        if case.question.id == "q2":
            raise Unscored("no verdict")
        return 1.0

    judged = FunctionMetric("judged", function=some, needs=frozenset())
    cases = (answered("q1", "x"), answered("q2", "x"), answered("q3", "x"))
    found = measure(cases, {"q9": "timeout"}, [judged, *resolve_metrics(["EM"])])
    assert (found.figures["judged"].n, found.figures["judged"].failed) == (2, 2)
    assert (found.figures["EM"].n, found.figures["EM"].failed) == (3, 1)
    assert found.unscored == {"judged": {"q2": "no verdict"}}
    assert measure(cases[1:2], {}, [judged]).unmeasured == {
        "judged": "it could score none of 1 questions: no verdict"
    }


def test_what_a_measure_of_a_set_cannot_score_is_counted_too() -> None:
    class Share:
        name, needs = "share", frozenset[Need]()

        def parts(self, case: Case) -> tuple[float, ...]:
            if case.question.id == "q2":
                raise Unscored("no verdict")
            return (1.0,)

        def value(self, parts: Floats) -> float:
            return float(parts.mean())

    cases = (answered("q1", "x"), answered("q2", "x"), answered("q3", "x"))
    found = measure(cases, {"q9": "timeout"}, [Share()])
    assert (found.figures["share"].n, found.figures["share"].failed) == (2, 2)
    assert found.unscored == {"share": {"q2": "no verdict"}}
