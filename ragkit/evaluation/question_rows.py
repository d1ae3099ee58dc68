"""Questions as a JSON Lines file states them, one object a line.

    {"_id", "text", "answers"?, "evidence"?, "answerable"?, "history"?, "metadata"?, "documents"?}

`question` stands for `text`, `id` for `_id`, `document_id` (with `quote`, or `start` and `end`) for one of
`documents` with its evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ragkit.errors import EvalError
from ragkit.evaluation.evidence import StatedPlace, stated_place, stated_places
from ragkit.evaluation.question import Question
from ragkit.evaluation.rows import Problems, grade_of, id_of, numbered_lines, object_of, shortened
from ragkit.types import Turn

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_ROLES = {"user": "user", "human": "user", "assistant": "assistant", "agent": "assistant", "ai": "assistant"}
_STATED = frozenset({"_id", "answers", "evidence", "history", "metadata"})


@dataclass(frozen=True, slots=True)
class StatedQuestion:
    """A question of a file; its evidence is yet to be found in the documents.

    Args:
        question: without evidence.
        places: as they are stated.
        grades: by document id, where the row itself says which documents answer it.
    """

    question: Question
    places: tuple[StatedPlace, ...] = field(default=(), kw_only=True)
    grades: Mapping[str, int] = field(default_factory=lambda: _NOTHING, kw_only=True)


def read_questions(path: Path, *, needs_ids: bool = True) -> dict[str, StatedQuestion]:
    """The questions of a file by id, in its order.

    Args:
        path: the file.
        needs_ids: whether each must have one; else the lines that have none are called `line-N`.

    Raises:
        EvalError: the file is missing or empty, rows are malformed or repeat an id: all of them.
    """
    problems, found = Problems(), dict[str, StatedQuestion]()
    with problems.gathered():
        for number, line in numbered_lines(path):
            with problems.gathered():
                where = f"{path}:{number}"
                row = object_of(line, where)
                stated = row.get("_id", row.get("id"))
                id_ = f"line-{number}" if stated is None and not needs_ids else id_of(stated, where, "_id")
                if id_ in found:
                    raise EvalError(f"{where}: the id {id_!r} was there before: ids are unique")
                found[id_] = _read(id_, row, where)
    problems.settle()
    if not found:
        raise EvalError(f"{path}: holds no question")
    return found


def add_answers(path: Path, questions: dict[str, StatedQuestion]) -> None:
    """Takes `answers.jsonl` in, which says more of questions that are there; what it says goes first.

    Raises:
        EvalError: rows are malformed, repeat an id or name none of `questions`: all of them.
    """
    problems, seen = Problems(), set[str]()
    with problems.gathered():
        for number, line in numbered_lines(path):
            with problems.gathered():
                where = f"{path}:{number}"
                row = object_of(line, where)
                id_ = id_of(row.get("_id"), where, "_id")
                if id_ in seen or id_ not in questions:
                    reason = "was there before" if id_ in seen else "is not in queries.jsonl"
                    raise EvalError(f"{where}: the id {id_!r} {reason}")
                seen.add(id_)
                questions[id_] = _joined(questions[id_], row, where)
    problems.settle()


def _read(id_: str, row: Mapping[str, Any], where: str) -> StatedQuestion:
    text = row.get("text", row.get("question"))
    if not isinstance(text, str):
        raise EvalError(f"{where}: text: expected a text, got {shortened(text)}")
    if not text.strip():
        raise EvalError(f"{where}: text: the question is blank")
    metadata = _metadata(row, where)
    grades, places = _grades(row, where), stated_places(row.get("evidence"), where)
    if row.get("document_id") is not None:
        document = id_of(row["document_id"], where, "document_id")
        grades = {document: 1, **grades}
        if any(row.get(key) is not None for key in ("quote", "start", "end")):
            places += (stated_place({**row, "document": document}, where),)
    question = Question(
        id_,
        text,
        answers=_answers(row, where),
        is_answerable=_is_answerable(row, metadata, where),
        history=_history(row.get("history"), where),
        metadata=metadata,
    )
    return StatedQuestion(question, places=places, grades=grades)


def _joined(stated: StatedQuestion, row: Mapping[str, Any], where: str) -> StatedQuestion:
    question = stated.question
    rest = {key: value for key, value in row.items() if key not in _STATED}
    metadata = {**question.metadata, **_metadata(row, where), **rest}
    return replace(
        stated,
        question=replace(
            question,
            answers=_answers(row, where) if "answers" in row else question.answers,
            is_answerable=_is_answerable(row, metadata, where),
            history=_history(row["history"], where) if "history" in row else question.history,
            metadata=metadata,
        ),
        places=stated_places(row["evidence"], where) if "evidence" in row else stated.places,
    )


def _answers(row: Mapping[str, Any], where: str) -> tuple[str, ...]:
    value = row.get("answers")
    answers = [] if value is None else value
    if not isinstance(answers, list) or not all(isinstance(answer, str) for answer in answers):
        raise EvalError(f"{where}: answers: expected a list of texts, got {shortened(value)}")
    return tuple(answers)


def _metadata(row: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    value = row.get("metadata")
    if value is not None and not isinstance(value, dict):
        raise EvalError(f"{where}: metadata: expected an object, got {shortened(value)}")
    return value or _NOTHING


def _is_answerable(row: Mapping[str, Any], metadata: Mapping[str, Any], where: str) -> bool | None:
    value = row.get("answerable")
    if value is None:
        own = metadata.get("answerable")
        return own if isinstance(own, bool) else None
    if not isinstance(value, bool):
        raise EvalError(f"{where}: answerable: expected true or false, got {shortened(value)}")
    return value


def _history(value: object, where: str) -> tuple[Turn, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise EvalError(f"{where}: history: expected a list of turns, got {shortened(value)}")
    return tuple(read_turn(turn, where) for turn in value)


def read_turn(value: object, where: str) -> Turn:
    """A turn of a conversation: `{"role", "text"}`, or with `speaker` and `content` in their stead.

    Raises:
        EvalError: it is none.
    """
    turn = value if isinstance(value, Mapping) else {}
    role = _ROLES.get(str(turn.get("role", turn.get("speaker"))).lower())
    text = turn.get("text", turn.get("content"))
    if role is None or not isinstance(text, str):
        raise EvalError(
            f'{where}: history: expected turns {{"role": "user" | "assistant", "text"}}, '
            f"got {shortened(value)}"
        )
    return Turn("user" if role == "user" else "assistant", text)


def _grades(row: Mapping[str, Any], where: str) -> dict[str, int]:
    value = row.get("documents")
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return {id_of(key, where, "documents"): grade_of(str(grade), where) for key, grade in value.items()}
    if isinstance(value, list):
        return dict.fromkeys((id_of(item, where, "documents") for item in value), 1)
    raise EvalError(
        f"{where}: documents: expected a list of document ids, or an object of grades, got {shortened(value)}"
    )
