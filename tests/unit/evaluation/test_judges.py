"""Judges in a suite: declared, checked before anything runs, asked once, counted."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit.chat import Completion, Message
from ragkit.cli import main
from ragkit.errors import ConfigError, EvalError
from ragkit.evaluation.folder import load_report
from ragkit.evaluation.judge import Judge, JudgeMetric
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
    assert report.untrusted[0].startswith("set/default: judge.correct could not score 1 of 1 questions")
    with pytest.raises(EvalError, match=r"judge\.correct could not score 1 of 1"):
        report.require()
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


def test_what_judging_took_is_told_and_is_the_same_when_nothing_is_asked_again(home: Path) -> None:
    class Judging:
        name = fingerprint = "judging"

        async def complete(self, messages: Sequence[Message], **options: Any) -> Completion:
            told = {"input_tokens": 200, "output_tokens": 10, "usd": 0.0001}
            text = '{"reason": "so", "verdict": "yes"}'
            return Completion(text, model="m", finish_reason="stop", **told)  # type: ignore[arg-type]

        async def stream(
            self, messages: Sequence[Message], **options: Any
        ) -> AsyncGenerator[Completion, None]:
            yield await self.complete(messages)

    correct = JudgeMetric("judge.correct", judge=Judge(Judging()))
    suite = replace(load_suite(home / "suite.yaml"), metrics=(correct,))
    for out in ("one", "two"):
        report = ragkit.evaluate(suite, out=home / out, progress=False)
    assert report.results[0].bills["judge.correct"].cached == 1
    text = (home / "one" / "report.md").read_text()
    assert "judge.correct: 1 calls of a model for 1 answers, 200 tokens in, 10 out, $0.0001" in text
    for name in ("report.md", "report.json", "per_query.jsonl"):
        assert (home / "one" / name).read_bytes() == (home / "two" / name).read_bytes()
    assert load_report(home / "two").results[0].bills["judge.correct"].usd == 0.0001


def test_a_judge_that_gave_no_verdict_fails_the_command(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", str(home / "suite.yaml"), "--out", str(home / "run")]) == 1
    assert "error: set/default: judge.correct could not score 1 of 1 questions" in capsys.readouterr().err
    assert json.loads((home / "run" / "report.json").read_text())["untrusted"]
