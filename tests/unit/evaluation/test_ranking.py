"""The measures, worked by hand."""

from __future__ import annotations

from math import log2

import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.metrics.ranking import RankingMetric, parse_metric

# b and d are relevant, d more so; z was judged and not found; x was not judged.
JUDGED = {"a": 0, "b": 1, "d": 3, "z": 2}
RANKED = ["a", "b", "x", "d"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("P@1", 0.0),
        ("P@2", 1 / 2),
        ("P@10", 2 / 10),
        ("R@2", 1 / 3),
        ("R@10", 2 / 3),
        ("RR", 1 / 2),
        ("RR@1", 0.0),
        ("AP", (1 / 2 + 2 / 4) / 3),
        ("AP@3", (1 / 2) / 3),
        ("Success@1", 0.0),
        ("Success@2", 1.0),
        ("nDCG@2", (1 / log2(3)) / (3 / log2(2) + 2 / log2(3))),
        ("nDCG", (1 / log2(3) + 3 / log2(5)) / (3 / log2(2) + 2 / log2(3) + 1 / log2(4))),
        ("P(rel=2)@4", 1 / 4),
        ("AP(rel=2)", (1 / 4) / 2),
        ("RR(rel=3)", 1 / 4),
    ],
)
def test_a_measure_by_hand(name: str, expected: float) -> None:
    assert parse_metric(name).score(RANKED, JUDGED) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["nDCG@10", "P@5", "R@100", "AP", "AP@100", "RR@10", "P(rel=2)@5"])
def test_a_name_is_read_as_it_is_written(name: str) -> None:
    assert parse_metric(name).name == name


@pytest.mark.parametrize("name", ["nDCG@3", "P@3", "R@3", "AP", "RR", "Success@3"])
def test_nothing_found_and_nothing_relevant_are_zero(name: str) -> None:
    assert parse_metric(name).score([], JUDGED) == 0.0
    assert parse_metric(name).score(["a"], {"a": 0, "b": -1}) == 0.0


def test_a_grade_below_zero_gains_nothing() -> None:
    assert parse_metric("nDCG@2").score(["a", "b"], {"a": -5, "b": 1}) == pytest.approx(1 / log2(3))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("MRR@10", r"'MRR': expected one of nDCG, P, R, AP, RR, Success. Did you mean 'RR'\?"),
        ("ndcg@10", r"Did you mean 'nDCG'\?"),
        ("Sucess@1", r"Did you mean 'Success'\?"),
        ("P", r"'P' needs a cutoff: P@10"),
        ("R@0", "expected a cutoff of 1 or more"),
        ("nDCG(rel=2)@10", "leave rel away"),
        ("AP(rel=0)", "expected a grade of 1 or more"),
        ("nDCG@ten", "expected a name such as nDCG@10"),
        ("", "expected a name such as nDCG@10"),
    ],
)
def test_a_wrong_name_is_explained(name: str, message: str) -> None:
    with pytest.raises(EvalError, match=message):
        parse_metric(name)


def test_a_measure_made_in_code_is_checked_too() -> None:
    with pytest.raises(EvalError, match="Did you mean 'AP'"):
        RankingMetric("map")
