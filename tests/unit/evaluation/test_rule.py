"""Rules of a gate are read as written, and refused with what was expected."""

from __future__ import annotations

import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.rule import parse_rule


@pytest.mark.parametrize(
    ("metric", "written", "kind", "limit"),
    [
        ("nDCG@10", "< 0.7", "value", 0.7),
        ("citation.valid", "< 99 %", "value", 0.99),
        ("errors", "> 0", "value", 0.0),
        ("latency.p95", "> 250 ms", "value", 0.25),
        ("latency.p95", ">= 2 s", "value", 2.0),
        ("nDCG@10", "drop > 0.01", "drop", 0.01),
        ("nDCG@10", "  drop   > .01  significant ", "drop", 0.01),
        ("nDCG@10", "drop significant", "drop", 0.0),
        ("tokens.in", "rise > 20 %", "rise", 0.2),
    ],
)
def test_a_rule_is_read(metric: str, written: str, kind: str, limit: float) -> None:
    rule = parse_rule(metric, written)
    assert rule.kind == kind
    assert rule.limit == pytest.approx(limit)


@pytest.mark.parametrize("written", ["", "0.7", "drops > 1", "< abc", "drop > -1", "drop > 1 % surely"])
def test_what_is_no_rule_is_refused_with_examples(written: str) -> None:
    with pytest.raises(EvalError, match=r"drop > 0[.]01 significant"):
        parse_rule("R@10", written)


@pytest.mark.parametrize(
    ("metric", "written", "message"),
    [
        ("nDCG@10", "< 250 ms", "is no time"),
        ("errors", "> 5 %", "is no share"),
        ("errors", "rise > 1 significant", "Leave significant out"),
        ("latency.p50", "rise > 10 % significant", "Leave significant out"),
        ("errors", "drop", "a drop is no loss. Write rise"),
        ("latency.p95", "drop > 20 %", "a drop is no loss. Write rise"),
        ("AURC", "drop > 0.01", "a drop is no loss. Write rise"),
    ],
)
def test_what_does_not_fit_the_measure_is_refused(metric: str, written: str, message: str) -> None:
    with pytest.raises(EvalError, match=message):
        parse_rule(metric, written)


def test_a_drop_of_the_margin_itself_passes() -> None:
    rule = parse_rule("nDCG@10", "drop > 0.01")
    assert not rule.is_passed_by(0.74 - 0.75, 0.75)
    assert rule.is_passed_by(-0.0101, 0.75)
    assert not rule.is_passed_by(0.5, 0.75)


def test_a_relative_margin_is_a_share_of_the_baseline() -> None:
    rule = parse_rule("tokens.in", "rise > 20 %")
    assert not rule.is_passed_by(19, 100)
    assert rule.is_passed_by(21, 100)
