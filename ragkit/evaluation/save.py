"""Writes a dataset in BEIR layout, evidence and all, so that it can be passed on or read by other tools."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ragkit.errors import EvalError
from ragkit.evaluation.dataset import Dataset
from ragkit.evaluation.question import Question


def save_dataset(data: Dataset, folder: str | Path) -> None:
    """Writes `corpus.jsonl`, `queries.jsonl` and `qrels/SPLIT.tsv`; `load_dataset` reads the same again.

    Documents of files become their parsed text; their sections, which chunking follows, are not written.

    Args:
        data: any dataset.
        folder: made if it is not there; files of these names are replaced, each as a whole.

    Raises:
        EvalError: a document is malformed, or a file cannot be written.

    Example:
        save_dataset(load_ir_dataset("beir/scifact/test"), "scifact")
    """
    folder = Path(folder)
    rows = (
        {"_id": row.id, "title": row.title, "text": row.text, "metadata": dict(row.metadata)}
        for row in data.corpus()
    )
    try:
        (folder / "qrels").mkdir(parents=True, exist_ok=True)
        _write(folder / "corpus.jsonl", map(_line, rows))
        _write(folder / "queries.jsonl", (_line(_row(one)) for one in data.questions.values()))
        _write(folder / f"qrels/{data.split}.tsv", _judgements(data))
    except OSError as e:
        raise EvalError(f"{folder}: cannot be written: {e}") from e


def _row(question: Question) -> dict[str, Any]:
    evidence = [
        {"document": one.document_id, "start": one.span.start, "end": one.span.end, "hop": one.hop}
        for one in question.evidence
    ]
    row: dict[str, Any] = {
        "_id": question.id,
        "text": question.text,
        "answers": list(question.answers),
        "evidence": evidence,
        "answerable": question.is_answerable,
        "history": [{"role": turn.role, "text": turn.text} for turn in question.history],
        "metadata": dict(question.metadata),
    }
    return {key: value for key, value in row.items() if value not in ([], {}, None)}


def _judgements(data: Dataset) -> Iterator[str]:
    yield "query-id\tcorpus-id\tscore\n"
    for query, grades in data.qrels.items():
        for document, grade in grades.items():
            yield f"{query}\t{document}\t{grade}\n"


def _line(row: dict[str, Any]) -> str:
    # Escaped, so that half a character or an odd line end within a text does not break the line.
    return json.dumps(row, ensure_ascii=True, default=list) + "\n"


def _write(path: Path, lines: Iterable[str]) -> None:
    """Beside the file first, so that one which is there survives a failure."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
