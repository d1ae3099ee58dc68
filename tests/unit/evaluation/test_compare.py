"""Systems side by side: figures, contrasts, tables."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO

import pytest
from rich.console import Console

from ragkit.errors import EvalError
from ragkit.evaluation.compare import Comparison, compare
from ragkit.evaluation.compare_runs import compare_runs
from ragkit.evaluation.not_compared import not_compared
from ragkit.evaluation.reports.compared import print_pairs
from ragkit.evaluation.run import Run
from ragkit.evaluation.scores import Scores, score
from ragkit.evaluation.table import Table
from tests.unit.evaluation.made_results import report, result

QRELS = {f"q{n}": {"a": 1} for n in range(10)}
METRICS = ["RR@10", "P@1"]


def scores_of(name: str, place: int, failed: Mapping[str, str] | None = None) -> Scores:
    """A system that has the relevant document at this place, 1 first, wherever it does not fail."""
    order = [*"xyz"[: place - 1], "a"]
    failed = failed or {}
    run = Run.of_orders(name, {query: order for query in QRELS if query not in failed}, failed=failed)
    return score(run, QRELS, METRICS)


@pytest.fixture
def comparison() -> Comparison:
    return compare([scores_of("old", 2), scores_of("same", 2), scores_of("new", 1)], source="handmade")


def test_every_system_is_held_against_the_first(comparison: Comparison) -> None:
    assert [(c.metric, c.system, c.baseline) for c in comparison.contrasts] == [
        ("RR@10", "same", "old"),
        ("RR@10", "new", "old"),
        ("P@1", "same", "old"),
        ("P@1", "new", "old"),
    ]
    change = comparison.contrast("RR@10", "new").difference
    assert (change.mean, change.wins, change.losses, change.ties) == (0.5, 10, 0, 0)


def test_p_is_corrected_over_all_contrasts(comparison: Comparison) -> None:
    new = comparison.contrast("P@1", "new")
    assert new.difference.p == 2 / 2**10
    assert new.p_holm == 4 * new.difference.p
    assert comparison.contrast("P@1", "same").p_holm == 1.0


def test_another_system_can_be_the_baseline() -> None:
    found = compare([scores_of("old", 2), scores_of("new", 1)], baseline="new")
    assert found.contrast("RR@10", "old").difference.mean == -0.5


def test_what_failed_in_either_is_in_no_difference() -> None:
    old, new = scores_of("old", 2, {"q0": "timeout"}), scores_of("new", 1, {"q1": "timeout"})
    found = compare([old, new])
    assert found.figures["RR@10"]["old"].n == 9
    change = found.contrast("RR@10", "new").difference
    assert (change.n, change.failed) == (8, 2)
    assert "8 (2 failed)" in found.text()
    assert "Questions that failed are in no mean" in found.text()


def test_the_table_says_all_that_a_reader_needs(comparison: Comparison) -> None:
    assert comparison.text() == "\n".join(
        (
            "system          RR@10 [95 %]            P@1 [95 %]   n  failed",
            "old     0.500 [0.500, 0.500]  0.000 [0.000, 0.000]  10       0",
            "same    0.500 [0.500, 0.500]  0.000 [0.000, 0.000]  10       0",
            "new     1.000 [1.000, 1.000]  1.000 [1.000, 1.000]  10       0",
            "",
            "measure  system             - old [95 %]  effect         p  p Holm  win/loss/tie  detectable   n",  # noqa: E501
            "RR@10      same  +0.000 [+0.000, +0.000]            1.0000  1.0000        0/0/10              10",  # noqa: E501
            "RR@10       new  +0.500 [+0.500, +0.500]            0.0020  0.0078        10/0/0              10",  # noqa: E501
            "P@1        same  +0.000 [+0.000, +0.000]          1.0000 M  1.0000        0/0/10              10",  # noqa: E501
            "P@1         new  +1.000 [+1.000, +1.000]          0.0020 M  0.0078        10/0/0              10",  # noqa: E501
            "",
            "Intervals: BCa bootstrap of the mean. p: paired randomisation test, or McNemar's exact test "
            "(M), two-sided; Holm over 4. Effect: mean difference by its spread. Detectable: found in 4 of "
            "5 cases at p < .05. Seed 0.",
            "Fewer than 50 questions: intervals are too narrow and little can be told apart.",
            "Data: handmade",
        )
    )


def test_the_markdown_table_has_the_same_cells(comparison: Comparison) -> None:
    lines = comparison.markdown().splitlines()
    assert lines[:3] == [
        "| system | RR@10 [95 %] | P@1 [95 %] | n | failed |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| old | 0.500 [0.500, 0.500] | 0.000 [0.000, 0.000] | 10 | 0 |",
    ]
    assert lines[-1] == "- Data: handmade"


def test_a_name_cannot_break_a_markdown_table() -> None:
    assert Table(("a",), (("x|y\nz\\",),)).markdown().splitlines()[-1] == "| x\\|y z\\\\ |"


def test_systems_that_cannot_be_compared_are_refused() -> None:
    old = scores_of("old", 2)
    with pytest.raises(EvalError, match="systems old: expected two or more"):
        compare([old])
    with pytest.raises(EvalError, match="systems old, old: expected two or more, each with a name"):
        compare([old, old])
    with pytest.raises(EvalError, match=r"baseline 'olt': expected one of old, new. Did you mean 'old'\?"):
        compare([old, scores_of("new", 1)], baseline="olt")


def test_other_queries_or_measures_are_refused() -> None:
    old, run = scores_of("old", 2), Run.of_orders("new", {"q0": ["a"]})
    with pytest.raises(EvalError, match=r"not scored on the same queries: 9 are in one alone, such as 'q1'"):
        compare([old, score(run, {"q0": {"a": 1}}, METRICS)])
    with pytest.raises(EvalError, match=r"old has the measures RR@10, P@1, new has RR@10"):
        compare([old, score(run, QRELS, ["RR@10"])])


def test_no_query_in_common_is_refused() -> None:
    half = list(QRELS)[:5]
    old = scores_of("old", 2, dict.fromkeys(half, "timeout"))
    new = scores_of("new", 1, dict.fromkeys(set(QRELS) - set(half), "timeout"))
    with pytest.raises(EvalError, match="old and new: on every query one of them failed"):
        compare([old, new])


def test_a_contrast_that_was_not_made_is_refused(comparison: Comparison) -> None:
    with pytest.raises(EvalError, match="'old' was not compared with 'old' in 'RR@10'"):
        comparison.contrast("RR@10", "old")


def test_fewer_tokens_are_a_win_wherever_it_is_told() -> None:
    old = result({"tokens.in": {f"q{n}": 9.0 for n in range(20)}})
    new = result({"tokens.in": {f"q{n}": 9.0 - n + 5 for n in range(20)}})
    [pair] = compare_runs(report(old), report(new))
    [contrast] = pair.comparison.contrasts
    assert (contrast.is_better, contrast.won, contrast.lost) == (True, 14, 5)
    assert "14/5/1" in pair.comparison.text()
    assert [change.id for change in pair.changes["tokens.in"]][:2] == ["q0", "q1"]
    console = Console(record=True, width=200, file=StringIO())
    print_pairs([pair], console)
    assert "tokens.in: 5 questions lost" in console.export_text()


def test_what_one_run_alone_has_is_told() -> None:
    values = {f"q{n}": 0.5 for n in range(9)}
    old = report(result({"F1": values, "EM": values}), result({"F1": values}, dataset="old"))
    new = report(
        result({"F1": values, "EM": {}}),
        result({"F1": values}, pipeline="new"),
    )
    told = not_compared(old, new, compare_runs(old, new), ["before", "after"])
    assert told[:2] == ["Datasets of before alone: old.", "Pipelines of after that were not compared: new."]
    assert told[2].startswith("handbook: EM has no value of one question in both")
    assert told[2].endswith("0.500 [0.500, 0.500] in before/default, – in after/default.")
    assert not_compared(old, old, compare_runs(old, old), ["before", "after"]) == []
