"""The questions of a training, from files: which document answers which, and where.

Two forms are read, plain or packed (`.gz`):

    one file           {"question", "document_id", "quote"? | "start"? + "end"?, "id"?, "answers"?} a line
    queries and qrels  {"_id", "text", "answers"?} a line, and a table `query-id corpus-id score`

A folder in BEIR layout (`queries.jsonl`, `qrels/*.tsv`) is the second form. Document ids are those of the
index, or the uris that its citations show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragkit.errors import EvalError
from ragkit.evaluation.qrels import read_beir_qrels
from ragkit.evaluation.rows import Problems, id_of, numbered_lines, object_of, shortened

_ONE_FORM = 'Expected {"question", "document_id"} or, with a table of judgements, {"_id", "text"}'


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer stands: a document, and in it a quote or a range of characters, where known."""

    document_id: str
    quote: str | None = field(default=None, kw_only=True)
    start: int | None = field(default=None, kw_only=True)
    end: int | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question as a file states it.

    Args:
        id: unique within the file.
        text: not blank.
        places: of its answer; each alone answers it.
        answers: accepted ones: a passage that holds one is never held against the question.
        where: `file:line`, for messages.
    """

    id: str
    text: str
    places: tuple[Place, ...] = field(kw_only=True)
    answers: tuple[str, ...] = field(default=(), kw_only=True)
    where: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class ReadQuestions:
    """What a file asks.

    Args:
        asked: questions with their places, in the file's order.
        unjudged: ids of those that the judgements name no document for: they teach nothing.
    """

    asked: tuple[AskedQuestion, ...]
    unjudged: tuple[str, ...] = field(default=(), kw_only=True)


def read_questions(path: Path, qrels: Path | None = None) -> ReadQuestions:
    """The questions of a file or a folder.

    Args:
        path: a file of either form, or a folder in BEIR layout.
        qrels: judgements by document id, tab-separated; by default `qrels.tsv`, or the only table in
            `qrels/`, beside the queries.

    Raises:
        EvalError: a file is missing or empty, rows are malformed, an id is there twice: all mistakes, by
            file and line.
    """
    file = _present(path / "queries.jsonl", path) if path.is_dir() else _present(path, path)
    rows = _rows(file)
    if not rows:
        raise EvalError(f"{file}: holds no question. {_ONE_FORM} on each line")
    if "question" in rows[0][1]:
        return _self_contained(rows)
    return _judged(file, rows, qrels or _qrels_beside(file))


def _rows(file: Path) -> list[tuple[str, dict[str, Any]]]:
    problems, rows = Problems(), list[tuple[str, dict[str, Any]]]()
    with problems.gathered():
        for number, line in numbered_lines(file):
            with problems.gathered():
                where = f"{file}:{number}"
                rows.append((where, object_of(line, where)))
    problems.settle()
    return rows


def _self_contained(rows: list[tuple[str, dict[str, Any]]]) -> ReadQuestions:
    problems, found = Problems(), dict[str, AskedQuestion]()
    for number, (where, row) in enumerate(rows, start=1):
        with problems.gathered():
            id_ = id_of(row.get("id", f"line-{number}"), where, "id")
            if id_ in found:
                raise EvalError(f"{where}: the id {id_!r} was there before: ids are unique")
            found[id_] = AskedQuestion(
                id_,
                _text(row, "question", where),
                places=(_place(row, where),),
                answers=_answers(row, where),
                where=where,
            )
    problems.settle()
    return ReadQuestions(tuple(found.values()))


def _judged(file: Path, rows: list[tuple[str, dict[str, Any]]], qrels: Path) -> ReadQuestions:
    problems, found = Problems(), dict[str, AskedQuestion]()
    grades: Mapping[str, Mapping[str, int]] = {}
    with problems.gathered():
        grades = read_beir_qrels(qrels)
    for where, row in rows:
        with problems.gathered():
            id_ = id_of(row.get("_id"), where, "_id")
            if id_ in found:
                raise EvalError(f"{where}: the id {id_!r} was there before: ids are unique")
            relevant = [document for document, grade in grades.get(id_, {}).items() if grade > 0]
            found[id_] = AskedQuestion(
                id_,
                _text(row, "text", where),
                places=tuple(Place(document) for document in relevant),
                answers=_answers(row, where),
                where=where,
            )
    problems.found += [
        f"{qrels}: query {query!r} is judged, and {file.name} does not have it"
        for query in grades
        if query not in found
    ]
    problems.settle()
    judged = tuple(question for question in found.values() if question.places)
    if not judged:
        raise EvalError(f"{qrels}: judges no question of {file} as answered by a document")
    return ReadQuestions(
        judged, unjudged=tuple(id_ for id_, question in found.items() if not question.places)
    )


def _place(row: Mapping[str, Any], where: str) -> Place:
    document = id_of(row.get("document_id"), where, "document_id")
    quote, start, end = row.get("quote"), row.get("start"), row.get("end")
    if quote is not None and (not isinstance(quote, str) or not quote.strip()):
        raise EvalError(f"{where}: quote: expected a text that is not blank, got {shortened(quote)}")
    if (start is None) != (end is None):
        raise EvalError(f"{where}: start and end: expected both or neither")
    if start is not None and not (
        type(start) is int and type(end) is int and isinstance(end, int) and 0 <= start < end
    ):
        raise EvalError(
            f"{where}: start and end: expected characters of the document's text with 0 <= start < end, got "
            f"{shortened(start)} and {shortened(end)}"
        )
    return Place(document, quote=quote, start=start, end=end)


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise EvalError(
            f"{where}: {key}: expected a text that is not blank, got {shortened(value)}. {_ONE_FORM}"
        )
    return value.strip()


def _answers(row: Mapping[str, Any], where: str) -> tuple[str, ...]:
    value = row.get("answers") or []
    if not isinstance(value, list) or not all(isinstance(answer, str) for answer in value):
        raise EvalError(f"{where}: answers: expected a list of texts, got {shortened(value)}")
    return tuple(value)


def _qrels_beside(file: Path) -> Path:
    near = [file.parent / "qrels.tsv", *sorted((file.parent / "qrels").glob("*.tsv*"))]
    there = [path for path in near if path.exists()]
    if len(there) == 1:
        return there[0]
    known = f"there are {', '.join(path.name for path in there)}" if there else "there is none beside it"
    raise EvalError(
        f"{file}: which documents answer these questions? Give the judgements with --qrels FILE.tsv ({known})"
    )


def _present(path: Path, given: Path) -> Path:
    packed = path.with_name(f"{path.name}.gz")
    found = next((one for one in (path, packed) if one.is_file()), None)
    if found is None:
        raise EvalError(f"{given}: no such file, nor a folder with queries.jsonl")
    return found
