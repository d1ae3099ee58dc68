"""A gate says no to what got worse beyond chance, and to nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.baseline import Baseline, read_baseline, write_baseline
from ragkit.evaluation.gate import FromFile, FromPipeline, check_gate
from ragkit.evaluation.report import GateCheck, Result
from ragkit.evaluation.rule import parse_rule
from ragkit.evaluation.stats import Figure
from tests.scale import scaled
from tests.unit.evaluation.made_results import report, result

FEW = {f"q{n}": 0.5 for n in range(12)}


def checked(metric: str, rule: str, now: Result, was: Result) -> GateCheck:
    """One rule, looked at against the file that `was` leaves."""
    before = FromFile(baseline_of(was), facts=report(now).facts)
    [check] = check_gate([parse_rule(metric, rule)], [now], before=before)
    return check


def baseline_of(was: Result) -> Baseline:
    """What a run leaves in its baseline file."""
    with TemporaryDirectory() as folder:
        write_baseline(report(was), Path(folder) / "old.json")
        return replace(read_baseline(Path(folder) / "old.json"), path=Path("old.json"))


def shifted(values: dict[str, float], by: float) -> dict[str, float]:
    return {id_: value + by for id_, value in values.items()}


@pytest.mark.parametrize(
    ("rule", "holds"), [("< 0.5", True), ("< 0.6", False), ("<= 0.5", False), ("> 1", True)]
)
def test_a_rule_on_the_figure_itself(rule: str, holds: bool) -> None:
    one = result({"nDCG@10": FEW})
    assert checked("nDCG@10", rule, one, one).holds is holds


def test_no_rule_holds_for_a_measure_that_could_score_too_few() -> None:
    one = replace(result({"judge.right": FEW}), unscored={"judge.right": dict.fromkeys("abcd", "down")})
    rules, before = [parse_rule("judge.right", "< 0.1")], FromPipeline([one], pipeline="other")
    [check] = check_gate(rules, [one], before=before, max_unscored=0.05)
    assert not check.holds
    assert check.detail.endswith("; 4 of 16 questions could not be scored")
    [check] = check_gate(rules, [one], before=before, max_unscored=0.25)
    assert check.holds


def test_errors_are_counted() -> None:
    one = result({"nDCG@10": FEW}, failed={"qx": "StoreError: down"})
    check = checked("errors", "> 0", one, one)
    assert not check.holds
    assert check.detail == "1 of 13 questions"
    assert checked("errors", "rise > 0", one, one).holds


def test_a_real_drop_beyond_the_margin_fails() -> None:
    check = checked(
        "nDCG@10",
        "drop > 0.01 significant",
        result({"nDCG@10": shifted(FEW, -0.2)}),
        result({"nDCG@10": FEW}),
    )
    assert not check.holds
    assert check.detail.startswith("-0.200 from 0.500, 95 % [-0.200, -0.200], one-sided p=0.0002, n=12")


def test_a_real_drop_within_the_margin_holds() -> None:
    now = result({"nDCG@10": shifted(FEW, -0.009)})
    assert checked("nDCG@10", "drop > 0.01 significant", now, result({"nDCG@10": FEW})).holds


def test_one_question_that_fell_is_no_significant_drop_but_a_drop() -> None:
    now = result({"nDCG@10": {**FEW, "q0": 0.0}})
    assert checked("nDCG@10", "drop > 0.01 significant", now, result({"nDCG@10": FEW})).holds
    assert not checked("nDCG@10", "drop > 0.01", now, result({"nDCG@10": FEW})).holds


def test_too_few_questions_for_a_test_to_find_anything_are_told() -> None:
    was = {f"q{n}": 1.0 for n in range(5)}
    few = {id_: was[id_] for id_ in list(was)[:4]}
    check = checked("F1", "drop significant", result({"F1": shifted(few, -1.0)}), result({"F1": few}))
    assert check.detail.endswith("fewer than 5 independent questions: no test can tell")
    now = result({"F1": shifted(was, -1.0)})
    assert not checked("F1", "drop > 0.1 significant", now, result({"F1": was})).holds


def test_a_gain_is_no_drop_and_may_be_too_great_a_rise() -> None:
    now, was = result({"tokens.in": shifted(FEW, 0.2)}), result({"tokens.in": FEW})
    assert checked("tokens.in", "drop significant", now, was).holds
    assert not checked("tokens.in", "rise > 20 %", now, was).holds


def test_questions_about_one_document_are_tested_as_one() -> None:
    """Six questions fell together: as six trials p is 1/64, as one it is a coin's toss."""
    values = {f"q{n}": 0.5 for n in range(6)}
    apart = result({"F1": shifted(values, -0.1)})
    together = result({"F1": shifted(values, -0.1)}, qrels={id_: {"d": 1} for id_ in values})
    assert not checked("F1", "drop significant", apart, result({"F1": values})).holds
    assert checked("F1", "drop significant", together, result({"F1": values})).holds


def test_a_measure_without_a_figure_does_not_pass() -> None:
    check = checked("F1", "< 0.1", result({"F1": {}, "nDCG@10": FEW}), result({"nDCG@10": FEW}))
    assert not check.holds
    assert "not measured" in check.detail


def test_a_time_that_nobody_took_does_not_pass() -> None:
    check = checked("latency.p95", "> 250 ms", result({"nDCG@10": FEW}), result({"nDCG@10": FEW}))
    assert not check.holds
    assert "no question that was timed" in check.detail


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_baseline_that_nothing_could_be_worse_than_is_refused(tmp_path: Path, number: str) -> None:
    write_baseline(report(result({"nDCG@10": {"q1": 0.5}})), tmp_path / "old.json")
    text = (tmp_path / "old.json").read_text().replace("0.5", number)
    (tmp_path / "old.json").write_text(text)
    with pytest.raises(EvalError, match="expected a finite number"):
        read_baseline(tmp_path / "old.json")


def test_no_file_but_a_baseline_is_replaced_by_one(tmp_path: Path) -> None:
    mine = tmp_path / "suite.yaml"
    mine.write_text("name: mine")
    with pytest.raises(EvalError, match="is there already and is no baseline"):
        write_baseline(report(result({"nDCG@10": FEW})), mine)
    assert mine.read_text() == "name: mine"


def test_another_version_of_the_dataset_is_refused_with_the_remedy() -> None:
    one = result({"nDCG@10": FEW})
    facts = {"datasets": {"handbook": {"checksum": "9" * 64}}}
    before = FromFile(baseline_of(one), facts=facts)
    with pytest.raises(EvalError, match=r"old.json: was measured on another version .*--save-baseline"):
        check_gate([parse_rule("nDCG@10", "drop > 0.1")], [one], before=before)


def test_a_pipeline_that_the_baseline_does_not_have_is_refused() -> None:
    one = result({"nDCG@10": FEW}, pipeline="other")
    before = FromFile(Baseline(Path("old.json"), results={}), facts=report(one).facts)
    with pytest.raises(EvalError, match="has no figures of 'other' on 'handbook'"):
        check_gate([parse_rule("nDCG@10", "drop > 0.1")], [one], before=before)


def test_a_pipeline_can_be_the_baseline() -> None:
    old, new = (
        result({"nDCG@10": FEW}, pipeline="old"),
        result({"nDCG@10": shifted(FEW, -0.2)}, pipeline="new"),
    )
    before = FromPipeline([old, new], pipeline="old")
    [check] = check_gate([parse_rule("nDCG@10", "drop significant")], [old, new], before=before)
    assert (check.pipeline, check.holds) == ("new", False)


def test_a_rule_that_says_nothing_about_any_pipeline_is_refused() -> None:
    one = result({"nDCG@10": FEW})
    with pytest.raises(EvalError, match="says something about none of the pipelines"):
        check_gate([parse_rule("F1", "< 0.1")], [one], before=FromPipeline([one], pipeline="default"))


def test_a_set_measure_has_no_significance() -> None:
    figures = result({"AURC": FEW}).figures
    old, new = (
        replace(result({}, failed={"q": "x"}, pipeline=name), figures=figures) for name in ("old", "new")
    )
    before = FromPipeline([old], pipeline="old")
    with pytest.raises(EvalError, match="no values by question to test"):
        check_gate([parse_rule("AURC", "rise significant")], [new], before=before)
    [check] = check_gate([parse_rule("AURC", "rise > 0.1")], [new], before=before)
    assert check.holds


def test_two_equal_systems_raise_an_alarm_as_often_as_the_test_says() -> None:
    """A/A: pairs of systems that differ by chance: one in twenty, and three in ten by the mean alone."""
    generator, n = np.random.default_rng(20261128), scaled(4_000)
    rule, alarms, naive = parse_rule("nDCG@10", "drop significant"), 0, 0
    ids, template = [f"q{n}" for n in range(100)], result({"nDCG@10": FEW})
    for _ in range(n):
        level = generator.uniform(0, 1, 100)
        old, new = (np.clip(level + generator.normal(0, 0.15, 100), 0, 1) for _ in range(2))
        results = [
            replace(
                template,
                pipeline=name,
                figures={"nDCG@10": Figure(float(values.mean()), None, None, 100)},
                values={"nDCG@10": dict(zip(ids, values.tolist(), strict=True))},
            )
            for name, values in (("old", old), ("new", new))
        ]
        [check] = check_gate([rule], results, before=FromPipeline(results, pipeline="old"))
        alarms += not check.holds
        naive += bool(old.mean() - new.mean() > 0.01)
    spread = 2.6 * (0.05 * 0.95 / n) ** 0.5
    assert 0.05 - spread <= alarms / n <= 0.05 + spread
    assert naive / n > 0.2
