"""Agreement with people: worked examples, an independent implementation, coverage, corrected rates."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ragkit.errors import EvalError
from ragkit.evaluation.judge import JudgeVerdict, calibrate, prediction_powered, rogan_gladen
from ragkit.evaluation.judge.agreement import BalancedAccuracy, Kappa, Weights, pairs_of

Floats = NDArray[np.float64]


def test_kappa_by_hand() -> None:
    # Agreement 35 / 50; by chance (25·30 + 25·20) / 50² = 0.5; (0.7 - 0.5) / 0.5.
    assert Kappa(2).of_table(np.array([[20, 5], [10, 15]])) == 0.4
    assert Kappa(2).of_table(np.array([[7, 0], [0, 3]])) == 1.0
    assert Kappa(2).of_table(np.array([[9, 0], [0, 0]])) is None
    # By distance: seen 1 + 1; by chance (4·3 + 2·4·4 + 3·3 + 3·4 + 2·3·3 + 3·3) / 10 = 9.2.
    weighted = Kappa(3, weights="linear").of_table(np.array([[3, 1, 0], [0, 2, 1], [0, 0, 3]]))
    assert weighted == pytest.approx(1 - 2 / 9.2)


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
def test_kappa_agrees_with_an_independent_implementation(weights: Weights) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    for _ in range(50):
        ones, others = rng.integers(0, 3, 40), rng.integers(0, 3, 40)
        others = np.where(rng.random(40) < 0.5, ones, others)
        theirs = metrics.cohen_kappa_score(
            ones, others, labels=[0, 1, 2], weights=None if weights == "none" else weights
        )
        ours = Kappa(3, weights=weights).value(pairs_of(list(ones), list(others), 3))
        assert ours == pytest.approx(theirs, abs=1e-12)
        accuracy = BalancedAccuracy(3).value(pairs_of(list(ones), list(others), 3))
        assert accuracy == pytest.approx(metrics.balanced_accuracy_score(ones, others), abs=1e-12)


def test_a_calibration_counts_and_tabulates() -> None:
    people = {f"q{i}": "yes" if i < 6 else "no" for i in range(10)}
    verdicts = {id_: JudgeVerdict(label, score=1.0) for id_, label in people.items()}
    verdicts |= {"q0": JudgeVerdict("no", score=0.0), "q1": JudgeVerdict(error="slow"), "q2": JudgeVerdict()}
    found = calibrate(verdicts, {**people, "q99": "yes"}, labels=("yes", "no"))
    assert (found.n, found.failed) == (8, 1)
    assert found.table == {("yes", "yes"): 3, ("yes", "no"): 1, ("no", "yes"): 0, ("no", "no"): 4}
    assert found.kappa is not None
    assert found.kappa.mean == pytest.approx(0.75)
    assert found.accuracy.mean == pytest.approx(0.875)
    assert "kappa             0.750 [" in found.text()
    assert "Fewer than 50 labels" in found.text()


def test_kappa_is_not_defined_where_all_labels_are_the_same() -> None:
    found = calibrate({"a": "yes", "b": "yes"}, {"a": "yes", "b": "yes"})
    assert (found.kappa, found.accuracy.mean) == (None, 1.0)
    assert "not defined" in found.text()


def test_labels_that_cannot_be_compared_are_told() -> None:
    with pytest.raises(EvalError, match="Are the ids those of the questions"):
        calibrate({"x": "yes"}, {"q1": "yes"})
    with pytest.raises(EvalError, match="people's label of 'q1' is 'Yes'"):
        calibrate({"q1": "yes"}, {"q1": "Yes"})


def drawn(rng: np.random.Generator, n: int, rate: float, hit: float, pass_: float) -> tuple[Floats, Floats]:
    """What people say of n cases, and what a judge with these rates says."""
    truth = rng.random(n) < rate
    judge = np.where(truth, rng.random(n) < hit, rng.random(n) >= pass_)
    return truth.astype(np.float64), judge.astype(np.float64)


def test_the_interval_of_kappa_holds_the_truth() -> None:
    rng, hits = np.random.default_rng(7), 0
    big = drawn(rng, 2_000_000, 0.6, 0.9, 0.8)
    truth = Kappa(2).value(_table_rows(*big))
    assert truth is not None
    for trial in range(200):
        ones, others = drawn(rng, 120, 0.6, 0.9, 0.8)
        people = {str(i): "yes" if one else "no" for i, one in enumerate(ones)}
        judge = {str(i): "yes" if other else "no" for i, other in enumerate(others)}
        kappa = calibrate(judge, people, labels=("yes", "no"), seed=trial).kappa
        assert kappa is not None
        assert kappa.low is not None
        assert kappa.high is not None
        hits += kappa.low <= truth <= kappa.high
    assert hits >= 0.91 * 200


def _table_rows(ones: Floats, others: Floats) -> Floats:
    """A table as rows of its counts: four rows stand for all pairs."""
    places = (1 - ones) * 2 + (1 - others)
    return np.diag(np.bincount(places.astype(int), minlength=4).astype(np.float64))


@pytest.mark.parametrize("rate", [0.5, 0.8, 0.95])
@pytest.mark.parametrize(("hit", "pass_"), [(0.95, 0.9), (0.8, 0.7)])
def test_corrected_rates_hold_the_truth_where_the_plain_one_does_not(
    rate: float, hit: float, pass_: float
) -> None:
    rng = np.random.default_rng(int(rate * 100))
    powered = adjusted = 0
    for _ in range(500):
        _, judged = drawn(rng, 400, rate, hit, pass_)
        people, labelled = drawn(rng, 100, rate, hit, pass_)
        figure = prediction_powered(judged, judged_labelled=labelled, people=people)
        powered += (figure.low or 0.0) <= rate <= (figure.high or 0.0)
        people, labelled = drawn(rng, 100, 0.5, hit, pass_)  # calibrated on other cases
        figure = rogan_gladen(judged, judged_labelled=labelled, people=people)
        adjusted += (figure.low or 0.0) <= rate <= (figure.high or 0.0)
    assert powered >= 0.93 * 500
    assert adjusted >= 0.93 * 500


def test_a_judge_that_agrees_narrows_the_interval() -> None:
    rng = np.random.default_rng(3)

    def width(hit: float, pass_: float) -> float:
        _, judged = drawn(rng, 2000, 0.7, hit, pass_)
        people, labelled = drawn(rng, 100, 0.7, hit, pass_)
        figure = prediction_powered(judged, judged_labelled=labelled, people=people)
        return (figure.high or 0.0) - (figure.low or 0.0)

    assert width(0.98, 0.98) < 0.6 * width(0.5, 0.5)


def test_what_cannot_be_corrected_is_told() -> None:
    few, many = [1.0] * 5, [1.0, 0.0] * 20
    with pytest.raises(EvalError, match="label 10 or more"):
        prediction_powered(many, judged_labelled=few, people=few)
    with pytest.raises(EvalError, match="one of each per labelled case"):
        prediction_powered(many, judged_labelled=many, people=few)
    with pytest.raises(EvalError, match="from 0 to 1"):
        prediction_powered([2.0], judged_labelled=many, people=many)
    with pytest.raises(EvalError, match="expected 10 or more of each"):
        rogan_gladen(many, judged_labelled=[1.0] * 20, people=[1.0] * 20)
    with pytest.raises(EvalError, match="it tells nothing"):
        rogan_gladen(many, judged_labelled=[1.0] * 40, people=many)
    # 1 of 10 right cases and 100 of 1,000 wrong ones are called right: that is what guessing gives.
    guessed = [1.0, *[0.0] * 9, *[1.0] * 100, *[0.0] * 900]
    with pytest.raises(EvalError, match="it tells nothing"):
        rogan_gladen(many, judged_labelled=guessed, people=[*[1.0] * 10, *[0.0] * 1000])
    with pytest.raises(EvalError, match="use prediction_powered"):
        rogan_gladen([0.5], judged_labelled=many, people=many)
