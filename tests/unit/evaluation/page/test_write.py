"""The page as a whole: complete, well formed, the same again, and harmless whatever the texts are."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import EvalError
from ragkit.evaluation.outcome import Found, Timing
from ragkit.evaluation.page import write_comparison, write_page
from ragkit.evaluation.page.contents import of_report
from ragkit.evaluation.page.limits import Limits
from ragkit.evaluation.page.write import page
from ragkit.evaluation.report import Report
from ragkit.evaluation.stats import Figure
from ragkit.evaluation.texts import HeldTexts
from tests.hostile import TEXTS as HOSTILE
from tests.unit.evaluation.page.reading import Read, read
from tests.unit.evaluation.page.reports import QUOTE, TEXTS, failed, outcome, place, result, small, with_text

MEAN = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "--></style><style>*{display:none}</style>",
    '" onmouseover="alert(1)',
    "' autofocus onfocus=alert(1) '",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "&lt;b&gt;&#x3C;&amp;",
    "\u202eevil\u2066",
    "half a pair \ud83d, \udc00",
    "\x00\x07\x1b[31m\x7f",
    "\u2028\u2029\ufeff\uffff",
    "__proto__",
    "constructor",
)


def shown(report: Report, limits: Limits | None = None) -> Read:
    return read(page(of_report(report), TEXTS, limits or Limits()))


def texts_of(text: str) -> dict[str, HeldTexts]:
    return {text: HeldTexts({text: text * 3, "a.md": text})}


@pytest.mark.parametrize("text", [*MEAN, *HOSTILE], ids=lambda text: ascii(text)[:40])
def test_no_text_becomes_markup(text: str) -> None:
    found, plain = (read(page(of_report(with_text(one)), texts_of(one))) for one in (text, "plain"))
    assert found.problems == []
    assert found.tags == plain.tags
    assert [named[:2] for named in found.attributes] == [named[:2] for named in plain.attributes]
    assert found.scripts[""] == plain.scripts[""]


@settings(deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_data_come_out_as_they_went_in(text: str) -> None:
    data = read(page(of_report(with_text(text)), texts_of(text))).data()
    question = data["datasets"][0]["questions"][0]
    kept = re.sub("[\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]", "\ufffd", text)
    assert question["text"] == kept
    assert data["datasets"][0]["results"][0]["outcomes"][0]["reply"]["sentences"][0][0] == kept


def test_nothing_is_loaded_from_anywhere(tmp_path: Path) -> None:
    write_page(small(), tmp_path / "r.html", TEXTS)
    text = (tmp_path / "r.html").read_text("utf-8")
    found = read(text)
    assert re.findall(r"\w+://[^\s\"']*", text) == ["http://www.w3.org/2000/svg"]  # a name, not an address
    assert [value for _, name, value in found.attributes if name in ("src", "action", "style")] == []
    assert {value[0] for _, name, value in found.attributes if name == "href"} == {"#"}
    contents = [value for tag, name, value in found.attributes if (tag, name) == ("meta", "content")]
    policy = contents[0]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_the_same_report_gives_the_same_page() -> None:
    assert page(of_report(small()), TEXTS) == page(of_report(small()), TEXTS)


def test_times_are_apart_from_all_else() -> None:
    report = small()
    slower = tuple(
        replace(
            one,
            timings=dict.fromkeys(one.timings, Timing("q", 9.9, nodes={"dense": 7.7, "fuse": 1.0})),
            figures={**one.figures, "latency.p50": Figure(9.9, 9.8, 9.95, 3)},
        )
        for one in report.results
    )
    parted = r'<section id="latency".*?</section>|<script [^>]*id="report-timings">.*?</script>'
    pages = [page(of_report(one), TEXTS) for one in (report, replace(report, results=slower))]
    assert pages[0] != pages[1]
    assert len({re.sub(parted, "", one, flags=re.DOTALL) for one in pages}) == 1


def test_the_summary_is_complete_without_a_script() -> None:
    text = shown(small()).text
    for words in (
        "quick",
        "mini",
        "old",
        "new",
        "F1",
        "c0ffee",
        "n 3, 1 failed",
        "1 rule does not hold",
        "20.0 ms",
    ):
        assert words in text
    assert "1 / 1 / 1" in text  # won, lost, tied


def test_every_question_is_there_with_every_outcome() -> None:
    data = shown(small()).data()["datasets"][0]
    assert [question["id"] for question in data["questions"]] == ["q1", "q2", "q3", "q4"]
    assert [len(one["outcomes"]) for one in data["results"]] == [4, 4]
    assert data["results"][1]["outcomes"][3] == {"error": "StageError: dense: the model is gone"}
    assert data["results"][1]["outcomes"][0]["blame"] == "fuse"


def test_ranks_of_the_evidence_are_told_by_stage() -> None:
    found = shown(small()).data()["datasets"][0]["results"][0]["outcomes"][0]["found"]
    assert [one["ranks"] for one in found] == [[None], [2], [1]]


def test_a_citation_knows_its_passage_and_whether_it_is_exact() -> None:
    wrong = result("one", [outcome("q1"), outcome("q2", quote="Something else.")], {"q1": 1.0, "q2": 0.0})
    data = shown(Report("r", results=(wrong,), comparisons={}, facts={})).data()["datasets"][0]
    first, second = (one["reply"]["sentences"][0][1][0] for one in data["results"][0]["outcomes"])
    number, start, length, text = data["passages"][first["passage"]]
    assert data["documents"][number] == "a.md"
    assert QUOTE in text
    assert len(text) == length
    assert text[first["start"] - start : first["end"] - start] == QUOTE
    assert (first["exact"], second["exact"]) == (True, False)


def test_a_passage_is_there_once() -> None:
    passages = shown(small()).data()["datasets"][0]["passages"]
    assert len({(document, start, length) for document, start, length, _ in passages}) == len(passages)


def test_what_could_not_be_measured_or_ingested_is_said() -> None:
    one = replace(
        result("one", [outcome("q1")], {"q1": 1.0}),
        unmeasured={"AURC": "it says nothing about any of 1 questions"},
        unscored={"judge.correct": {"q1": "the judge gave no verdict"}},
        not_ingested={"torn.pdf": "no page can be read"},
    )
    found = shown(Report("r", results=(one,), comparisons={}, facts={}))
    assert found.problems == []
    for words in ("AURC", "it says nothing about any of 1 questions", "torn.pdf", "no page can be read"):
        assert words in found.text
    assert found.data()["datasets"][0]["results"][0]["unscored"] == {
        "judge.correct": {"q1": "the judge gave no verdict"}
    }


def test_what_is_cut_is_said() -> None:
    places = tuple(place("b.md", n, n + 20, 1 / (n + 1)) for n in range(30))
    many = replace(outcome("q1"), found=(Found("fuse", "fuse/rrf", kind="ranking", places=places),))
    report = Report("r", results=(result("one", [many], {"q1": 1.0}),), comparisons={}, facts={})
    found = shown(report, Limits(text_bytes=200, beginning=5))
    assert "Of each stage the first 20 passages are shown; 10 passages further down left out." in found.text
    assert re.search(r"Of \d+ of \d+ passages only the beginning is shown", found.text)
    assert found.data()["datasets"][0]["results"][0]["outcomes"][0]["found"][0]["n"] == 30


def test_what_is_not_cut_is_said_too() -> None:
    assert "Nothing: every passage of every stage is shown in whole." in shown(small()).text


def test_documents_that_are_not_at_hand_are_counted() -> None:
    found = read(page(of_report(small()), {}))
    assert "The text of 2 documents is not at hand." in found.text
    assert {passage[3] for passage in found.data()["datasets"][0]["passages"]} == {None}


def test_many_pipelines_stand_below_one_another() -> None:
    outcomes = [outcome("q1"), outcome("q2")]
    many = tuple(result(f"p{n}", outcomes, {"q1": 1.0, "q2": n / 9}) for n in range(9))
    found = shown(Report("r", results=many, comparisons={}, facts={}))
    assert found.problems == []
    assert ("th", "rowspan", "9") in found.attributes
    assert found.tags.count("svg") == 9 + 9  # a plot and a bar of times each


def test_an_empty_report_has_a_page() -> None:
    found = shown(Report("nothing", results=(), comparisons={}, facts={}))
    assert found.problems == []
    assert "This report has no results" in found.text
    assert "report-data" not in found.scripts


def test_a_report_of_failures_alone_has_a_page() -> None:
    all_failed = result("one", [failed("q1"), failed("q2")], {})
    found = shown(Report("r", results=(all_failed,), comparisons={}, facts={}))
    assert found.problems == []
    assert "No measure could be computed" in found.text
    assert [one["error"] for one in found.data()["datasets"][0]["results"][0]["outcomes"]] == [
        "StageError: dense: the model is gone"
    ] * 2


def test_two_reports_lie_side_by_side(tmp_path: Path) -> None:
    report = small()
    before = replace(report, results=report.results[:1], comparisons={})
    after = replace(report, results=(replace(report.results[1], pipeline="old"),), comparisons={})
    write_comparison(before, after, tmp_path / "c.html", TEXTS, names=("main", "branch"))
    found = read((tmp_path / "c.html").read_text("utf-8"))
    data = found.data()
    assert data["pairs"] == {"mini": [["main/old", "branch/old"]]}
    assert [one["name"] for one in data["datasets"][0]["results"]] == ["main/old", "branch/old"]
    assert "Against main/old" in found.text
    assert "1 / 1 / 1" in found.text


def test_pipelines_of_other_names_are_compared_with_the_first(tmp_path: Path) -> None:
    report = small()
    parts = [replace(report, results=(one,), comparisons={}) for one in report.results]
    write_comparison(parts[0], parts[1], tmp_path / "c.html", TEXTS)
    data = read((tmp_path / "c.html").read_text("utf-8")).data()
    assert data["pairs"] == {"mini": [["before/old", "after/new"]]}


def test_reports_without_a_common_data_set_are_refused(tmp_path: Path) -> None:
    other = replace(small(), results=(replace(small().results[0], dataset="other"),), comparisons={})
    with pytest.raises(EvalError, match="no dataset in common, expected one at least"):
        write_comparison(small(), other, tmp_path / "c.html", TEXTS)


def test_reports_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match="give each a name of its own"):
        write_comparison(small(), small(), tmp_path / "c.html", TEXTS, names=("a", "a"))
