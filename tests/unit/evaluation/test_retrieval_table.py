"""The table over all sets of `evals/retrieval_table.py`, on results made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals import retrieval_table as table
from ragkit.evaluation.dataset import Dataset, Question
from ragkit.evaluation.report import Result
from ragkit.evaluation.stats import mean_figure


def result(dataset: str, pipeline: str, metric: str, *values: float) -> Result:
    by_question = {f"q{n}": value for n, value in enumerate(values)}
    return Result(
        dataset,
        pipeline,
        figures={metric: mean_figure(values)},
        values={metric: by_question},
        blame={},
        questions={},
        qrels={id_: {id_: 1} for id_ in by_question},
        outcomes={},
        timings={},
        graph=(),
    )


def test_differences_are_corrected_over_the_sets() -> None:
    def both(name: str) -> dict[str, Result]:
        before = result(name, "rrf", "R@10", *[0.0] * 6)
        return {"rrf": before, "fused": result(name, "fused", "R@10", *[1.0] * 6)}

    compared = table.contrasts({"a": both("a"), "b": both("b")}, "fused:rrf", "R@10")
    assert compared is not None
    rows = compared.rows
    assert [row[0] for row in rows] == ["a", "b", "mean of the sets"]
    assert rows[0][1] == "+1.000"
    assert float(rows[0][5]) == pytest.approx(2 * float(rows[0][4]), abs=1e-3)


def test_a_measure_of_one_pipeline_alone_is_not_compared() -> None:
    results = {"a": {"fused": result("a", "fused", "R@100", 1.0, 0.0)}}
    assert table.contrasts(results, "fused:rrf", "R@100") is None


def test_a_measure_deeper_than_the_ranking_is_left_out() -> None:
    shallow = table.within(result("a", "default", "R@100", 1.0, 0.0), 20)
    assert not shallow.figures
    assert table.within(result("a", "fused", "R@100", 1.0, 0.0), 100).figures


def test_of_a_set_that_was_fitted_on_only_the_other_half_is_asked() -> None:
    asked = {f"q{n}": Question(f"q{n}", "?") for n in range(40)}
    judged = {id_: {"d": 1} for id_ in asked}

    def held_back(name: str) -> int:
        data = Dataset(name, folder=Path(), split="test", questions=asked, qrels=judged)
        return len(table.held_back(data, Path()))

    assert held_back("scifact") == 40
    assert 10 < held_back("fastapi-docs-ru-en") < 30
