"""A row for each question of each pipeline: what was asked, found, answered, and where it was lost."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from ragkit.evaluation.report import Report, Result
from ragkit.evaluation.reports.json import json_text
from ragkit.evaluation.rule import TIMES

_DOCUMENTS = 10


def question_rows(report: Report) -> Iterator[dict[str, Any]]:
    """The rows, by result, then question.

    `values` has each measure's value of the question; a measure that says nothing about it is not there.
    """
    for result in report.results:
        by_question = _values(result)
        for id_, outcome in result.outcomes.items():
            reply = outcome.reply
            row: dict[str, Any] = {
                "dataset": result.dataset,
                "pipeline": result.pipeline,
                "id": id_,
                "question": result.questions[id_].text,
                "values": by_question[id_],
                "lost": result.blame.get(id_),
                "documents": list(outcome.ranked[:_DOCUMENTS]),
                "answer": None if reply is None else reply.text,
                "abstained": None if reply is None else reply.abstained,
                "degraded": list(outcome.degraded),
                "error": outcome.error,
            }
            yield row


def rows_jsonl(report: Report) -> str:
    """`per_query.jsonl`: one object a line."""
    return "".join(json_text(row) for row in question_rows(report))


def rows_csv(report: Report) -> str:
    """`per_query.csv`: a column for each measure. A cell that a spreadsheet would run is quoted by `'`."""
    metrics = list(dict.fromkeys(name for result in report.results for name in result.values))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    head = ("dataset", "pipeline", "id", "question")
    table.writerow((*head, *(m for m in metrics if m not in TIMES), "lost", "abstained", "answer", "error"))
    for row in question_rows(report):
        values = (row["values"].get(metric, "") for metric in metrics if metric not in TIMES)
        told = (row["lost"], row["abstained"], row["answer"], row["error"])
        table.writerow((*(_cell(row[key]) for key in head), *values, *map(_cell, told)))
    return text.getvalue()


def _values(result: Result) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {id_: {} for id_ in result.outcomes}
    for metric, values in result.values.items():
        if metric not in TIMES:
            for id_, value in values.items():
                found[id_][metric] = value
    return found


def _cell(value: object) -> object:
    """Texts come from documents: none may be a formula to the program that opens the file."""
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
        return f"'{value}"
    return value
