"""The folder of a run: everything that a suite gave, and back.

    runs/NAME/suite.json                         what was asked for
    runs/NAME/report.json, .md, .html, junit.xml
    runs/NAME/per_query.jsonl, .csv              a row for each question of each pipeline
    runs/NAME/timings.json                       how long it took
    runs/NAME/DATASET/questions.jsonl            what was asked and judged; it can be asked again as it is
    runs/NAME/DATASET/documents.jsonl            the documents of the passages that are shown
    runs/NAME/DATASET/PIPELINE/outcomes.jsonl    what each stage found and what was answered
    runs/NAME/DATASET/PIPELINE/run.trec          the ranking of documents
    runs/NAME/DATASET/PIPELINE/timings.jsonl

Of a run that is repeated all is the same, byte for byte, but what holds times: `timings.*`, and the part of
`report.html` that shows them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ragkit.errors import EvalError
from ragkit.evaluation.case import Texts
from ragkit.evaluation.judge.verdict import Bill
from ragkit.evaluation.outcome import StageRuns
from ragkit.evaluation.page.write import write_page
from ragkit.evaluation.question import Question
from ragkit.evaluation.question_rows import read_questions
from ragkit.evaluation.report import Report, Result
from ragkit.evaluation.reports.json import (
    comparison_of,
    figures_of,
    gate_of,
    json_text,
    report_json,
    timings_json,
)
from ragkit.evaluation.reports.junit import junit_xml
from ragkit.evaluation.reports.markdown import report_markdown
from ragkit.evaluation.reports.rows import rows_csv, rows_jsonl
from ragkit.evaluation.reports.tables import datasets_of
from ragkit.evaluation.rows import numbered_lines, object_of
from ragkit.evaluation.run import Run
from ragkit.evaluation.runner.journal import read_outcomes, write_whole
from ragkit.evaluation.runner.timing import read_timings
from ragkit.evaluation.shown_texts import DOCUMENTS, Noted, keep_texts
from ragkit.evaluation.trec import write_run

SUITE, REPORT, TIMINGS, PER_QUERY = "suite.json", "report.json", "timings.json", "per_query.jsonl"
QUESTIONS = "questions.jsonl"
FILES = (SUITE, REPORT, TIMINGS, PER_QUERY, "per_query.csv", "report.md", "report.html", "junit.xml")
"""Beside the folders of the datasets, which cannot be called the same."""
OF_DATASET = (QUESTIONS, DOCUMENTS)
"""Beside the folders of the pipelines."""
_NO_BLANKS = "!\"#$&'()*+,/:;<=>?@[\\]^`{|}"


def write_report(report: Report, folder: Path, texts: Mapping[str, Texts]) -> None:
    """Writes all files of a report but those that the runner wrote.

    `report.json` is the last: where it is, the run is whole.

    Raises:
        EvalError: a file cannot be written.
    """
    try:
        for dataset, results in datasets_of(report.results).items():
            write_whole(folder / dataset / QUESTIONS, "".join(map(json_text, _question_rows(results))))
            for result in results:
                _write_trec(result, folder / dataset / result.pipeline / "run.trec")
        write_whole(folder / TIMINGS, json_text(timings_json(report), indent=2))
        write_whole(folder / PER_QUERY, rows_jsonl(report))
        write_whole(folder / "per_query.csv", rows_csv(report))
        write_whole(folder / "report.md", report_markdown(report))
        write_whole(folder / "junit.xml", junit_xml(report))
        noted = {dataset: Noted(of_dataset) for dataset, of_dataset in texts.items()}
        write_page(report, folder / "report.html", noted)
        keep_texts(noted, folder)
        write_whole(folder / REPORT, json_text(report_json(report), indent=2))
    except OSError as e:
        raise EvalError(f"{folder}: cannot be written to: {e}") from e


def load_report(folder: str | Path) -> Report:
    """The report of a run's folder.

    Raises:
        EvalError: it is no such folder, the run did not come to its end, or a file is damaged.
    """
    folder = Path(folder)
    if not (folder / REPORT).exists():
        if (folder / SUITE).exists():
            raise EvalError(f"{folder}: this run did not come to its end. Go on: ragkit eval … --resume")
        raise EvalError(f"{folder}: is no folder of a run. `ragkit eval SUITE` makes one under runs/")
    content, timings = _read(folder / REPORT), _read(folder / TIMINGS)
    try:
        rows = _rows(folder / PER_QUERY)
        timed = {(row["dataset"], row["pipeline"]): row for row in timings.get("results", ())}
        asked = {name: _asked(folder / name) for name in {row["dataset"] for row in content["results"]}}
        results = tuple(
            _result(folder, row, asked[row["dataset"]], rows, timed) for row in content["results"]
        )
        return Report(
            content["suite"],
            results=results,
            comparisons={name: comparison_of(found) for name, found in content["comparisons"].items()},
            gate=gate_of(content, timings),
            facts=content["facts"],
            folder=folder,
            max_error_rate=content.get("max_error_rate", 1.0),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as e:
        raise EvalError(f"{folder}: damaged: {type(e).__name__}: {e}. Run the suite again") from e


Rows = Mapping[tuple[str, str], Mapping[str, Mapping[str, Any]]]
Asked = tuple[dict[str, Question], dict[str, dict[str, int]]]


def _result(
    folder: Path,
    row: Mapping[str, Any],
    asked: Asked,
    rows: Rows,
    timed: Mapping[tuple[str, str], Mapping[str, Any]],
) -> Result:
    dataset, pipeline = row["dataset"], row["pipeline"]
    own, mine = folder / dataset / pipeline, rows[dataset, pipeline]
    outcomes = read_outcomes(own)
    questions, qrels = asked
    own_timed = timed.get((dataset, pipeline), {})
    figures = {**figures_of(row["metrics"]), **figures_of(own_timed.get("metrics", {}))}
    return Result(
        dataset,
        pipeline,
        figures=figures,
        values={
            name: {id_: mine[id_]["values"][name] for id_ in outcomes if name in mine[id_]["values"]}
            for name in row["by_question"]
        },
        blame={id_: one["lost"] for id_, one in mine.items() if one["lost"] is not None},
        questions={id_: questions[id_] for id_ in outcomes},
        qrels={id_: qrels[id_] for id_ in outcomes if id_ in qrels},
        outcomes=outcomes,
        timings=read_timings(own),
        graph=tuple((name, use) for name, use in row["graph"]),
        unmeasured=row["unmeasured"],
        unscored=row["unscored"],
        not_ingested=row["not_ingested"],
        bills={name: Bill(**bill) for name, bill in row.get("asked", {}).items()},
        stage_runs={name: StageRuns(**runs) for name, runs in own_timed.get("stage_runs", {}).items()},
    )


def _question_rows(results: list[Result]) -> Iterator[dict[str, Any]]:
    """The questions of a dataset, as `load_questions` reads them."""
    first = results[0]
    for id_, question in first.questions.items():
        row: dict[str, Any] = {"_id": id_, "text": question.text}
        if question.answers:
            row["answers"] = list(question.answers)
        if question.is_answerable is not None:
            row["answerable"] = question.is_answerable
        if question.evidence:
            row["evidence"] = [
                {"document": e.document_id, "start": e.span.start, "end": e.span.end, "hop": e.hop}
                for e in question.evidence
            ]
        if question.history:
            row["history"] = [{"role": turn.role, "text": turn.text} for turn in question.history]
        if id_ in first.qrels:
            row["documents"] = dict(first.qrels[id_])
        if question.metadata:
            row["metadata"] = dict(question.metadata)
        yield row


def _asked(folder: Path) -> Asked:
    stated = read_questions(folder / QUESTIONS)
    questions = {
        id_: replace(one.question, evidence=tuple(place.found(lambda _: None) for place in one.places))
        for id_, one in stated.items()
    }
    return questions, {id_: dict(one.grades) for id_, one in stated.items() if one.grades}


def _write_trec(result: Result, path: Path) -> None:
    orders = {
        _trec_id(id_): [_trec_id(document) for document in outcome.ranked]
        for id_, outcome in result.outcomes.items()
        if not outcome.error
    }
    failed = {_trec_id(id_): error for id_, error in result.failed.items()}
    write_run(Run.of_orders(result.pipeline, orders, failed=failed), path, partial=True)


def _trec_id(id_: str) -> str:
    """An id as a TREC file can hold it: the blanks of a file's name are written as in an URL."""
    return quote(id_, safe=_NO_BLANKS, errors="surrogatepass") if len(id_.split()) > 1 else id_


def _rows(path: Path) -> Rows:
    found: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for number, line in numbered_lines(path):
        row = object_of(line, f"{path}:{number}")
        found.setdefault((row["dataset"], row["pipeline"]), {})[row["id"]] = row
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as e:
        raise EvalError(f"{path}: cannot be read: {e}") from e
    if not isinstance(content, dict):
        raise EvalError(f"{path}: expected a JSON object")
    return content
