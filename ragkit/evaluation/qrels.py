"""Judgements: which document bears on which query, and how well."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ragkit.errors import EvalError
from ragkit.evaluation.rows import Problems, grade_of, id_of, numbered_lines, text_of

Qrels = Mapping[str, Mapping[str, int]]
"""Grades by query id, then document id. A query that is not in it was not judged."""

_HEADER = ("query-id", "corpus-id", "score")


def read_beir_qrels(path: str | Path) -> dict[str, dict[str, int]]:
    """The judgements of a BEIR `qrels/SPLIT.tsv`: query id, document id, grade, with tabs between.

    The first line is a header if it says `query-id`, `corpus-id`, `score`; a file without one is read whole.

    Raises:
        EvalError: the file is missing or rows are malformed: all of them, by file and line.
    """
    path, problems = Path(path), Problems()
    qrels: dict[str, dict[str, int]] = {}
    with problems.gathered():
        for number, line in numbered_lines(path):
            with problems.gathered():
                where = f"{path}:{number}"
                cells = text_of(line, where).split("\t")
                if number == 1 and tuple(cell.strip().lower() for cell in cells) == _HEADER:
                    continue
                if len(cells) != 3:
                    raise EvalError(
                        f"{where}: expected query id, document id and grade with tabs between, "
                        f"got {len(cells)} columns"
                    )
                add_judgement(qrels, cells[0], cells[1], cells[2], where)
    problems.settle()
    return qrels


def add_judgement(
    qrels: dict[str, dict[str, int]], query: str, document: str, grade: str, where: str
) -> None:
    """Takes one row in.

    Raises:
        EvalError: an id or the grade is malformed, or the pair was judged before.
    """
    query, document = id_of(query, where, "query id"), id_of(document, where, "document id")
    grades = qrels.setdefault(query, {})
    if document in grades:
        raise EvalError(f"{where}: query {query!r} has judged {document!r} before. Keep one of the two rows")
    grades[document] = grade_of(grade, where)
