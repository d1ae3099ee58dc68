"""The figures of a run that was good enough, kept in a file with a value for each question.

The file lies in the repository, so that a later run can be tested against it question by question.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragkit.errors import EvalError
from ragkit.evaluation.facts import dataset_fact
from ragkit.evaluation.report import Report, Result
from ragkit.evaluation.rule import TIMES
from ragkit.evaluation.runner.journal import write_whole

FORMAT = 1
_MARK = "ragkit_baseline"


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """One pipeline on one dataset, as it was.

    Args:
        checksum: of the dataset.
        means: by measure.
        values: by measure, then question; a measure of a whole set has none.
        questions: all that were asked.
        failed: the questions that failed.
        degraded: how many questions a stage failed for.
    """

    checksum: str
    means: Mapping[str, float] = field(kw_only=True)
    values: Mapping[str, Mapping[str, float]] = field(kw_only=True, repr=False)
    questions: tuple[str, ...] = field(default=(), kw_only=True, repr=False)
    failed: tuple[str, ...] = field(default=(), kw_only=True)
    degraded: int = field(default=0, kw_only=True)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What `write_baseline` kept and `read_baseline` gives back.

    >>> old = BaselineResult("c0ffee", means={"RR@10": 0.5}, values={"RR@10": {"q1": 0.5}})
    >>> Baseline(Path("old.json"), results={("handbook", "default"): old}).result("handbook", "default").means
    {'RR@10': 0.5}
    """

    path: Path
    results: Mapping[tuple[str, str], BaselineResult] = field(kw_only=True, repr=False)

    def result(self, dataset: str, pipeline: str) -> BaselineResult:
        """One pipeline on one dataset.

        Raises:
            EvalError: the baseline does not have it.
        """
        found = self.results.get((dataset, pipeline))
        if found is None:
            known = ", ".join("/".join(key) for key in self.results) or "nothing"
            raise EvalError(
                f"{self.path}: has no figures of {pipeline!r} on {dataset!r}; it has {known}. "
                f"Add them: ragkit eval SUITE --save-baseline {self.path}"
            )
        return found


def refuse_other_file(path: Path) -> None:
    """Sees to it that a baseline may be written there.

    Raises:
        EvalError: a file is there that is no baseline, or the folder cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and f'"{_MARK}"'.encode() not in path.read_bytes()[:200]:
            raise EvalError(f"{path}: is there already and is no baseline: it is not overwritten")
    except OSError as e:
        raise EvalError(f"{path}: cannot be written: {e.strerror or e}") from e


def write_baseline(report: Report, path: Path) -> None:
    """Keeps the figures of a report, times left out: they belong to one machine.

    Raises:
        EvalError: the file cannot be written, or another one is there.
    """
    refuse_other_file(path)
    results = [_as_json(report, result) for result in report.results]
    rows = ",\n".join(_one_line_each(result) for result in results)
    head = json.dumps({_MARK: FORMAT, "suite": report.name, "made_with": _made_with(report)})
    text = f'{head[:-1]},\n"results": [\n{rows}\n]}}\n'
    try:
        write_whole(path, text)
    except OSError as e:
        raise EvalError(f"{path}: cannot be written: {e.strerror or e}") from e


def read_baseline(path: Path) -> Baseline:
    """The baseline of a file.

    Raises:
        EvalError: there is no such file, or it is none of ours.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EvalError(
            f"{path}: no such file. Make it from a run that is good enough: "
            f"ragkit eval SUITE --save-baseline {path}"
        ) from None
    except (OSError, ValueError, RecursionError) as e:
        raise EvalError(f"{path}: cannot be read as a baseline: {e}") from e
    if not isinstance(content, dict) or content.get(_MARK) != FORMAT:
        raise EvalError(f"{path}: no baseline of format {FORMAT}. `ragkit eval --save-baseline` writes one")
    try:
        return Baseline(path, results={_key(row): _of_json(row) for row in content["results"]})
    except (AttributeError, KeyError, TypeError, ValueError) as e:
        raise EvalError(f"{path}: a baseline that was damaged: {type(e).__name__} {e}. Save it anew") from e


def _made_with(report: Report) -> dict[str, Any]:
    return {key: report.facts.get(key) for key in ("ragkit", "commit", "seed")}


def _as_json(report: Report, result: Result) -> dict[str, Any]:
    figures = {name: figure for name, figure in result.figures.items() if name not in TIMES}
    questions = list(result.outcomes)
    return {
        "dataset": result.dataset,
        "pipeline": result.pipeline,
        "checksum": dataset_fact(report.facts, result.dataset, "checksum"),
        "failed": sorted(result.failed),
        "degraded": result.degraded,
        "metrics": {name: {"mean": figure.mean, "n": figure.n} for name, figure in figures.items()},
        "questions": questions,
        "values": {
            name: [values.get(question) for question in questions]
            for name, values in result.values.items()
            if name in figures
        },
    }


def _one_line_each(result: Mapping[str, Any]) -> str:
    """An object with a line for each measure, so that a changed file shows where it changed."""
    lines = []
    for key, value in result.items():
        if key == "values":
            rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in value.items())
            lines.append(f'"values": {{\n{rows}}}')
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{" + ",\n ".join(lines) + "}"


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row["dataset"]), str(row["pipeline"])


def _of_json(row: Mapping[str, Any]) -> BaselineResult:
    questions = [str(question) for question in row["questions"]]
    return BaselineResult(
        str(row["checksum"]),
        means={name: _finite(figure["mean"]) for name, figure in row["metrics"].items()},
        values={
            name: {q: _finite(v) for q, v in zip(questions, values, strict=True) if v is not None}
            for name, values in row["values"].items()
        },
        questions=tuple(questions),
        failed=tuple(row["failed"]),
        degraded=int(row["degraded"]),
    )


def _finite(value: Any) -> float:
    """A number that something can be compared with: against NaN no rule would ever be broken."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value}: expected a finite number")
    return number
