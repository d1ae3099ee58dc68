"""TREC run and judgement files, in and out, so that any other tool can score the same run.

A run file has six columns, `query Q0 document rank score tag`, judgements have four, `query 0 document
grade`; blanks part them. As in trec_eval the rank is not read: the score orders, and documents of equal score
(as 32-bit floats) stand in descending order of id. Files whose names end in `.gz` are packed.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable
from pathlib import Path

from ragkit.errors import EvalError
from ragkit.evaluation.qrels import Qrels, add_judgement
from ragkit.evaluation.rows import Problems, number_of, numbered_lines, shortened, text_of
from ragkit.evaluation.run import Run

_BLANKS = " \t\n\r\v\f\0"


def read_run(path: str | Path, *, name: str | None = None) -> Run:
    """The run of a TREC file.

    Args:
        path: the file.
        name: what to call it; else the tag of its first line.

    Raises:
        EvalError: the file is missing or empty, or rows are malformed: all of them, by file and line.
    """
    path, problems = Path(path), Problems()
    scores: dict[str, dict[str, float]] = {}
    with problems.gathered():
        for number, line in numbered_lines(path):
            with problems.gathered():
                where = f"{path}:{number}"
                query, _, document, _, score, tag = _columns(line, where, "query Q0 document rank score tag")
                name = tag if name is None else name
                ranking = scores.setdefault(query, {})
                if document in ranking:
                    raise EvalError(f"{where}: query {query!r} has document {document!r} twice")
                ranking[document] = _score(score, where)
    problems.settle()
    if not scores:
        raise EvalError(f"{path}: holds no ranking")
    return Run(name or path.stem, scores=scores)


def write_run(run: Run, path: str | Path, *, partial: bool = False) -> None:
    """Writes a run, each query's documents in the order that counts, ranks from 1.

    A query that found nothing leaves no line: a reader that has its judgements scores it 0, as it should.

    Args:
        run: what was found.
        path: the file; it is replaced as a whole or not at all.
        partial: whether queries that failed may be left out. A reader cannot tell them from those that
            found nothing.

    Raises:
        EvalError: queries failed and `partial` is not set, an id holds a blank, the file cannot be written.
    """
    if run.failed and not partial:
        raise EvalError(
            f"run {run.name!r}: {len(run.failed):,} queries failed, which a TREC file cannot say: they would "
            "count as 0. Run them again, or pass partial=True to leave them out"
        )
    tag = "_".join(run.name.split()) or "ragkit"
    _write(
        Path(path),
        (
            f"{_token(query, path)} Q0 {_token(document, path)} {rank} {float(ranking[document])!r} {tag}\n"
            for query, ranking in run.scores.items()
            for rank, document in enumerate(run.ranked(query), start=1)
        ),
    )


def read_qrels(path: str | Path) -> dict[str, dict[str, int]]:
    """The judgements of a TREC file.

    Raises:
        EvalError: the file is missing or empty, or rows are malformed: all of them, by file and line.
    """
    path, problems = Path(path), Problems()
    qrels: dict[str, dict[str, int]] = {}
    with problems.gathered():
        for number, line in numbered_lines(path):
            with problems.gathered():
                where = f"{path}:{number}"
                query, _, document, grade = _columns(line, where, "query 0 document grade")
                add_judgement(qrels, query, document, grade, where)
    problems.settle()
    if not qrels:
        raise EvalError(f"{path}: holds no judgement")
    return qrels


def write_qrels(qrels: Qrels, path: str | Path) -> None:
    """Writes judgements in their order.

    Raises:
        EvalError: an id holds a blank, or the file cannot be written.
    """
    _write(
        Path(path),
        (
            f"{_token(query, path)} 0 {_token(document, path)} {grade}\n"
            for query, grades in qrels.items()
            for document, grade in grades.items()
        ),
    )


def _columns(line: bytes, where: str, form: str) -> list[str]:
    # Bytes split at ASCII blanks alone, as in trec_eval: an id may hold a no-break space.
    columns = [text_of(column, where) for column in line.split()]
    if len(columns) != len(form.split()):
        raise EvalError(
            f"{where}: expected `{form}`, got {len(columns)} columns: {shortened(' '.join(columns))}"
        )
    return columns


def _score(text: str, where: str) -> float:
    try:
        score = number_of(text)
        if abs(score) == float("inf") or score != score:
            raise ValueError
    except ValueError:
        raise EvalError(f"{where}: score {shortened(text)}: expected a finite number") from None
    return score


def _token(id_: str, path: str | Path) -> str:
    if not id_ or any(c in _BLANKS for c in id_):
        raise EvalError(f"{path}: the id {id_!r} cannot stand in a TREC file: it is empty or holds a blank")
    return id_


def _write(path: Path, lines: Iterable[str]) -> None:
    """Beside the file first, so that one which is there survives a failure."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as plain:
            if path.suffix == ".gz":
                # Without name and time, so that equal runs make equal files.
                with gzip.GzipFile(filename="", fileobj=plain, mode="wb", mtime=0) as packed:
                    packed.writelines(line.encode() for line in lines)
            else:
                plain.writelines(line.encode() for line in lines)
        beside.replace(path)
    except (OSError, UnicodeEncodeError) as e:
        raise EvalError(f"{path}: cannot be written: {e}") from e
    finally:
        beside.unlink(missing_ok=True)
