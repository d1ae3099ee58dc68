"""Judges in a suite: declared, checked before anything runs, asked once, counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ragkit
from ragkit.errors import ConfigError
from ragkit.evaluation.suite_file import load_suite

SUITE = """
data: [set]
models: {{small: {{use: llm/replay, folder: {folder}}}}}
judges: {{correct: {{model: small}}}}
metrics: [judge.correct, contains]
timing_n: 0
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "set" / "qrels").mkdir(parents=True)
    row = {"_id": "d", "title": "", "text": "The warranty lasts two years."}
    (tmp_path / "set" / "corpus.jsonl").write_text(json.dumps(row))
    question = {"_id": "q", "text": "How long does the warranty last?", "answers": ["two years"]}
    (tmp_path / "set" / "queries.jsonl").write_text(json.dumps(question))
    (tmp_path / "set" / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td\t1\n")
    (tmp_path / "suite.yaml").write_text(SUITE.format(folder=tmp_path / "cassettes"))
    return tmp_path


def test_a_judge_without_a_verdict_is_counted_and_is_no_zero(home: Path) -> None:
    report = ragkit.evaluate(home / "suite.yaml", out=home / "run", progress=False)
    [one] = report.results
    assert one.figures["contains"].mean == 1.0
    assert "judge.correct" not in one.figures
    assert "q" in one.unscored["judge.correct"]
    assert "judge.correct could not score 1 questions" in (home / "run" / "report.md").read_text()


def test_the_judge_is_written_down_without_secrets(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLDER", "/a/place")
    (home / "suite.yaml").write_text(SUITE.format(folder='"${FOLDER}"'))
    described = load_suite(home / "suite.yaml").describe()["judges"]
    assert described["judges"] == {"correct": {"model": "small"}}
    assert "/a/place" not in json.dumps(described)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("judge.correct,", "judge.corect,", r"yaml:5: metrics.0.: .*no such judge. Did you mean 'correct'"),
        ("model: small", "model: smal", "Did you mean 'small'"),
        ("use: llm/replay", "use: llm/replya", r"yaml:3: .*Did you mean 'llm/replay'"),
        ("model: small}", "model: small, rubrik: x}", "Did you mean 'rubric'|rubrik"),
        ("model: small}", "model: small, rubric: nice}", "nice"),
    ],
)
def test_mistakes_are_told_with_their_line(home: Path, old: str, new: str, message: str) -> None:
    text = (home / "suite.yaml").read_text()
    assert old in text
    (home / "suite.yaml").write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=message):
        load_suite(home / "suite.yaml")
