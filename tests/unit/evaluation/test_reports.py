"""The forms of a report: what they say, and that nothing in the data can break out of them."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from rich.console import Console

from ragkit.errors import GateFailedError
from ragkit.evaluation.compare import compare_results
from ragkit.evaluation.dataset import Question
from ragkit.evaluation.outcome import Found, Place, Timing
from ragkit.evaluation.report import GateCheck, Report
from ragkit.evaluation.reports.json import json_text, report_json, timings_json
from ragkit.evaluation.reports.junit import junit_xml
from ragkit.evaluation.reports.markdown import report_markdown, source_of
from ragkit.evaluation.reports.rows import rows_csv, rows_jsonl
from ragkit.evaluation.reports.tables import figure_cell, figure_table, loss_table, warnings_of
from ragkit.evaluation.reports.terminal import print_report
from ragkit.evaluation.stats import Figure
from ragkit.types import Span
from tests.unit.evaluation.made_results import report, result

VALUES = {f"q{n}": float(n % 2) for n in range(8)}


def check(metric: str = "nDCG@10", *, holds: bool = True, detail: str = "0.500 n=8") -> GateCheck:
    return GateCheck("handbook", "default", metric=metric, rule="< 0.4", holds=holds, detail=detail)


def two() -> Report:
    old = result({"nDCG@10": VALUES}, pipeline="old")
    new = result({"nDCG@10": dict.fromkeys(VALUES, 1.0), "F1": VALUES}, pipeline="new", failed={"qx": "down"})
    old = replace(old, outcomes={**old.outcomes, "qx": new.outcomes["qx"]}, questions=new.questions)
    comparison = compare_results([old, new])
    assert comparison is not None
    return replace(report(old, new), comparisons={"handbook": comparison}, gate=(check(), check(holds=False)))


def test_the_figures_stand_measure_by_measure() -> None:
    table = figure_table(two().results)
    assert table.head == ("measure", "old", "new", "n")
    assert table.rows[0] == ("nDCG@10", "0.500 [0.125, 0.875]", "1.000 [1.000, 1.000]", "8")
    assert table.rows[1][:2] == ("F1", "–")
    assert table.rows[2] == ("failed questions", "1", "1", "9")


def test_what_was_lost_is_counted_by_node() -> None:
    table = loss_table(two().results)
    assert table is not None
    assert table.rows == (("fuse", "2", "2"),)
    assert loss_table([replace(two().results[0], blame={})]) is None


@pytest.mark.parametrize(
    ("metric", "figure", "shown"),
    [
        ("nDCG@10", Figure(0.5, 0.25, 0.75, 9), "0.500 [0.250, 0.750]"),
        ("latency.p95", Figure(0.0312, None, None, 9), "31.2 ms"),
        ("usd", Figure(0.00021, None, None, 9), "0.00021"),
        ("tokens.in", Figure(1234.5, None, None, 9), "1,234"),
        ("F1", None, "–"),
    ],
)
def test_figures_are_written_in_their_unit(metric: str, figure: Figure | None, shown: str) -> None:
    assert figure_cell(metric, figure) == shown


def test_times_stand_in_a_file_of_their_own() -> None:
    one = replace(
        result({"nDCG@10": VALUES}, timings={"q1": Timing("q1", 0.5, nodes={"dense": 0.25})}),
        figures={"nDCG@10": Figure(0.5, 0.1, 0.9, 8), "latency.p95": Figure(0.123, None, None, 8)},
    )
    whole = report(one, gate=(check("latency.p95", detail="123.0 ms"),))
    for text in (json.dumps(report_json(whole)), report_markdown(whole), junit_xml(whole)):
        assert "123" not in text
    times = timings_json(whole)
    assert times["results"][0]["metrics"]["latency.p95"]["mean"] == 0.123
    assert times["results"][0]["nodes"] == {"dense": 0.25}
    assert times["gate"][0]["detail"] == "123.0 ms"


def test_junit_has_a_case_for_each_rule_and_for_what_failed() -> None:
    root = ET.fromstring(junit_xml(two()))
    suite = root[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "2")
    assert [case.get("name") for case in suite][:2] == ["nDCG@10: < 0.4"] * 2
    assert suite.findtext("testcase/failure") == "0.500 n=8"
    assert "qx: down" in str(suite.findtext("testcase/error"))


def test_markdown_makes_no_link_and_no_element_of_what_failed() -> None:
    hostile = result({"nDCG@10": VALUES}, failed={"qx": "no <script> and\n![x](https://host/x.png)"})
    text = report_markdown(report(hostile))
    assert "no \\<script> and ![x]\\(https://host/x.png)" in text


def test_a_cell_that_begins_with_a_line_end_is_no_formula() -> None:
    hostile = result({"nDCG@10": VALUES}, failed={"qx": "\n=1+1"})
    assert "'\n=1+1" in rows_csv(report(hostile))


def test_junit_takes_any_text() -> None:
    hostile = result({"nDCG@10": VALUES}, failed={"qx": "\x00 <b> & ]]> \ud800 \x1b[31m"})
    root = ET.fromstring(junit_xml(report(hostile)))
    assert "<b> & ]]>" in str(root.findtext("testsuite/testcase/error"))


def test_markdown_says_what_was_measured_on_and_what_holds() -> None:
    text = report_markdown(two())
    assert text.startswith("# nightly\n\n**1 of 2 rules does not hold.**")
    assert "## handbook\n\n9 questions, split test, checksum 555555555555" in text
    assert "| nDCG@10 | 0.500 [0.125, 0.875] | 1.000 [1.000, 1.000] | 8 |" in text
    assert "- Fewer than 50 questions" in text
    assert "the first, qx: down" in text


def test_a_part_of_a_dataset_is_named_and_a_split_where_there_is_one() -> None:
    own = report(result({"F1": VALUES}))
    own.facts["datasets"]["handbook"] |= {"split": None, "subset": "split = dev"}  # type: ignore[index]
    assert source_of(own, "handbook") == "8 questions, split = dev, checksum 555555555555"


def test_what_a_judge_could_not_score_stands_below_the_figures() -> None:
    one = replace(result({"judge.right": VALUES}), unscored={"judge.right": {"q9": "cannot be reached"}})
    table = figure_table([one, replace(one, pipeline="other", unscored={})])
    assert [row[:3] for row in table.rows][1:] == [("judge.right not scored", "1", "0")]


def test_a_measure_that_looks_deeper_than_a_pipeline_ranks_is_told() -> None:
    shallow = result({"R@100": VALUES, "nDCG@1": VALUES, "F1": VALUES}, pipeline="shallow")
    places = tuple(Place(f"c{n}", f"d{n}", spans=(Span(0, 4),)) for n in range(40))
    found = (Found("dense", "retrieve/dense", kind="arm", places=places),)
    outcomes = {id_: replace(one, found=found) for id_, one in shallow.outcomes.items()}
    told = warnings_of([shallow, replace(shallow, pipeline="deep", outcomes=outcomes)], compared=True)
    assert [warning.partition(". ")[0] for warning in told] == [
        "shallow ranked at most 1 documents, another 40: R@100 looks deeper and may be lower for that alone"
    ]


def test_a_row_for_each_question_of_each_pipeline() -> None:
    rows = [json.loads(line) for line in rows_jsonl(two()).splitlines()]
    assert len(rows) == 18
    assert rows[3]["lost"] == "fuse"
    assert rows[9]["values"] == {"nDCG@10": 1.0, "F1": 0.0}
    assert rows[-1]["error"] == "down"


def test_a_spreadsheet_runs_nothing_of_the_data() -> None:
    one = result({"nDCG@10": {"=1+1": -0.5}})
    one = replace(one, questions={"=1+1": Question("=1+1", '@SUM(A1)"\n,x')})
    table = list(csv.reader(io.StringIO(rows_csv(report(one)))))
    assert table[0][:5] == ["dataset", "pipeline", "id", "question", "nDCG@10"]
    assert table[1][2:5] == ["'=1+1", "'@SUM(A1)\"\n,x", "-0.5"]


def test_half_a_character_is_escaped() -> None:
    assert json_text({"a": "я \ud800"}).encode().decode() == '{"a": "\\u044f \\ud800"}\n'


def test_json_holds_no_nan() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"a": float("nan")})


@pytest.mark.parametrize("width", [80, 160])
def test_the_terminal_shows_no_line_broken(width: int) -> None:
    console = Console(width=width, record=True, file=io.StringIO(), highlight=False)
    print_report(two(), console)
    lines = console.export_text().splitlines()
    assert any(line.startswith("nDCG@10") and "1.000 [1.000, 1.000]" in line for line in lines)
    assert any(line.startswith("✗ nDCG@10: < 0.4") for line in lines)
    assert any(line.startswith("nDCG@10") and "+0.500 [" in line for line in lines)
    assert "1 of 2 rules does not hold" in lines


def test_a_message_does_not_drive_the_terminal() -> None:
    console = Console(record=True, file=io.StringIO())
    print_report(report(result({"nDCG@10": VALUES}, failed={"qx": "\x1b[2Jgone"})), console)
    assert "\x1b[2J" not in console.export_text()


def test_a_data_frame_has_a_row_for_each_question() -> None:
    frame = two().to_pandas()
    assert list(frame.columns) == [
        "dataset", "pipeline", "question_id", "question", "nDCG@10", "lost", "abstained", "error", "seconds",
        "F1",
    ]  # fmt: skip
    assert frame.groupby("pipeline")["nDCG@10"].mean().to_dict() == {"new": 1.0, "old": 0.5}


def test_a_script_can_require_the_gate() -> None:
    with pytest.raises(GateFailedError, match=r"handbook/default: nDCG@10: < 0[.]4: 0[.]500 n=8"):
        two().require()
    replace(two(), gate=(check(),)).require()


def test_the_table_has_a_row_for_each_figure() -> None:
    assert [row[1:4] for row in two().table().rows] == [
        ("old", "nDCG@10", "0.5"), ("new", "nDCG@10", "1"), ("new", "F1", "0.5"),
    ]  # fmt: skip
