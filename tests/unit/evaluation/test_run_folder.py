"""A run overwrites nothing unasked, and what cannot be gated is told before it runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ragkit
from ragkit.errors import EvalError
from ragkit.evaluation.folder import load_report
from ragkit.evaluation.run_folder import run_folder

SUITE = """
name: small
data: [set]
pipelines:
  words: {retriever: bm25}
  long: {retriever: bm25, depth: 20, gate: false}
metrics: [nDCG@10]
timing_n: 1
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset, a suite, its baseline and its run under `runs/first`."""
    folder = tmp_path_factory.mktemp("run-folder")
    (folder / "set" / "qrels").mkdir(parents=True)
    corpus = (json.dumps({"_id": f"d{n}", "text": f"Thing {n} is called word{n}."}) for n in range(8))
    (folder / "set" / "corpus.jsonl").write_text("\n".join(corpus))
    asked = (json.dumps({"_id": f"q{n}", "text": f"What is word{n}?"}) for n in range(8))
    (folder / "set" / "queries.jsonl").write_text("\n".join(asked))
    judged = "".join(f"q{n}\td{n}\t1\n" for n in range(8))
    (folder / "set" / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}")
    (folder / "suite.yaml").write_text(SUITE)
    run(folder, out="first", save_baseline=folder / "base.json")
    return folder


def run(home: Path, text: str = SUITE, *, out: str, **more: object) -> None:
    (home / "suite.yaml").write_text(text)
    ragkit.evaluate(home / "suite.yaml", out=home / "runs" / out, progress=False, **more)  # type: ignore[arg-type]


def test_a_folder_of_something_else_is_left_alone(home: Path) -> None:
    other = home / "runs" / "other"
    other.mkdir()
    (other / "report.md").write_text("mine")
    for resume in (False, True):
        with pytest.raises(EvalError, match="is there already and is no run"):
            run(home, out="other", resume=resume)
    assert [(path.name, path.read_text()) for path in other.iterdir()] == [("report.md", "mine")]


def test_a_folder_of_something_else_takes_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_folder("small", None, True) == Path("runs/small")
    (tmp_path / "runs/small/notes").mkdir(parents=True)
    assert run_folder("small", None, False) == Path("runs/small-2")
    assert run_folder("small", None, True) == Path("runs/small-2")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: small", "name: great", "another suite"),
        ("{retriever: bm25}", "{retriever: bm25, depth: 7}", "another pipeline 'words'"),
    ],
)
def test_a_finished_run_survives_what_cannot_be_gone_on_with(
    home: Path, old: str, new: str, message: str
) -> None:
    before = load_report(home / "runs" / "first")
    with pytest.raises(EvalError, match=message):
        run(home, SUITE.replace(old, new), out="first", resume=True)
    assert load_report(home / "runs" / "first") == before


def test_a_finished_run_survives_another_version_of_its_dataset(home: Path) -> None:
    before, queries = load_report(home / "runs" / "first"), home / "set" / "queries.jsonl"
    text = queries.read_text()
    queries.write_text(text.replace("What is word1?", "Which is word1?"))
    with pytest.raises(EvalError, match="another version of 'set'"):
        run(home, out="first", resume=True)
    queries.write_text(text)
    assert load_report(home / "runs" / "first") == before


def test_a_further_pipeline_can_be_added_to_a_run(home: Path) -> None:
    run(home, out="grown")
    run(
        home,
        SUITE.replace("metrics", "  more: {retriever: bm25, depth: 3}\nmetrics"),
        out="grown",
        resume=True,
    )
    assert [one.pipeline for one in load_report(home / "runs" / "grown").results] == ["words", "long", "more"]


def test_the_file_of_a_baseline_is_looked_at_before_the_run(home: Path) -> None:
    with pytest.raises(EvalError, match="is no baseline: it is not overwritten"):
        run(home, out="unsaved", save_baseline=home / "set" / "corpus.jsonl")
    assert not (home / "runs" / "unsaved").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("baseline: base.json\nfail_if: {latency.p95: rise > 20 %}", "a baseline file holds no times"),
        (
            "baseline: base.json\nmetrics: [RR]\nfail_if: {RR: drop}",
            "has no such figure of 'words'",
        ),
        (
            "baseline: long\ndata: [{folder: set, sample: 4}]\nfail_if: {nDCG@10: drop significant}",
            "no test can find a drop in 4 independent questions",
        ),
        ("timing_n: 0\nfail_if: {latency.p95: '> 1 s'}", "no question is timed"),
        ("baseline: words\nfail_if: {nDCG@10: drop}", "says something about none of the pipelines"),
        (
            "baseline: base.json\ndata: [{folder: set, sample: 3}]\nfail_if: {errors: rise}",
            "are not the 3 that",
        ),
    ],
)
def test_a_rule_that_cannot_be_looked_at_is_told_before_the_run(home: Path, text: str, message: str) -> None:
    keys = {line.partition(":")[0] for line in text.splitlines()}
    kept = [line for line in SUITE.splitlines() if line.partition(":")[0] not in keys]
    with pytest.raises(EvalError, match=message):
        run(home, "\n".join([*kept, text]), out="unruly")
    assert not (home / "runs" / "unruly").exists()
