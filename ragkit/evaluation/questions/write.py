"""Writes a set of questions as files: the questions, a manifest for each part, judgements, and what it is."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ragkit.errors import EvalError
from ragkit.evaluation.dataset import Dataset
from ragkit.evaluation.manifest import counts_of
from ragkit.evaluation.own_questions import load_questions
from ragkit.evaluation.questions.describe import description
from ragkit.evaluation.questions.make import MadeQuestion, MadeSet
from ragkit.types import Document

SPLITS = ("dev", "test")
_LONGEST_QUOTE = 300
_AS_YAML: dict[str, Any] = {"sort_keys": False, "allow_unicode": True}


def write_questions(
    made: MadeSet,
    documents: Mapping[str, Document],
    folder: Path,
    *,
    source: Path,
    name: str,
    unread: tuple[str, ...] = (),
    how: str = "",
) -> dict[str, Path]:
    """Writes `questions.jsonl`, `dev.yaml`, `test.yaml`, `qrels/*.tsv` and `README.md`.

    Args:
        made: the set.
        documents: by id, to quote from.
        folder: where to; it is made if it is not there.
        source: the folder of the documents; the manifests name it relative to themselves.
        name: of the set; the parts are called NAME-dev and NAME-test.
        unread: ids of files that could not be parsed: they are left out of the set's corpus.
        how: the command that makes the set.

    Returns:
        The manifests of the parts that have questions.

    Raises:
        EvalError: a file cannot be written, or what was written does not read as it should.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "qrels").mkdir(exist_ok=True)
        rows = (json.dumps(_row(one, documents), ensure_ascii=False) for one in made.questions)
        _write(folder / "questions.jsonl", "".join(f"{row}\n" for row in rows))
        without = tuple(sorted({*made.held_out, *unread}))
        data = load_questions(folder / "questions.jsonl", source, without=without)
        manifests = {}
        for split in SPLITS:
            own = [one for one in made.questions if one.split == split]
            if not any(one.is_answerable for one in own):
                # Of a set that was there before: it would be one of other questions.
                for old in (folder / f"qrels/{split}.tsv", folder / f"{split}.yaml"):
                    old.unlink(missing_ok=True)
                continue
            _write(folder / f"qrels/{split}.tsv", _qrels(own))
            manifests[split] = folder / f"{split}.yaml"
            stated = _manifest(manifests[split], f"{name}-{split}", split, source, without, own, how)
            _write(manifests[split], yaml.safe_dump(stated | _proof(data, split), **_AS_YAML))
        _write(folder / "README.md", description(made, name, how))
    except OSError as e:
        raise EvalError(f"{folder}: cannot be written: {e}") from e
    return manifests


def _row(one: MadeQuestion, documents: Mapping[str, Document]) -> dict[str, Any]:
    draft = one.draft
    metadata = {"kind": draft.kind, "lang": draft.lang, "split": one.split}
    if not one.is_answerable:
        held = {"made_of": draft.document_id, "answers_there": list(draft.answers)}
        return {"_id": one.id, "text": draft.text, "answerable": False, "metadata": {**metadata, **held}}
    place: dict[str, Any] = {
        "document": draft.document_id,
        "start": draft.span.start,
        "end": draft.span.end,
    }
    if len(draft.span) <= _LONGEST_QUOTE:
        place["quote"] = draft.span.of(documents[draft.document_id].text)
    return {
        "_id": one.id,
        "text": draft.text,
        "answers": list(draft.answers),
        "evidence": [place],
        "answerable": True,
        "metadata": {**metadata, "bm25_rank": one.bm25_rank},
    }


def _qrels(questions: list[MadeQuestion]) -> str:
    rows = (f"{one.id}\t{one.draft.document_id}\t1\n" for one in questions if one.is_answerable)
    return "query-id\tcorpus-id\tscore\n" + "".join(rows)


def _manifest(
    path: Path,
    name: str,
    split: str,
    source: Path,
    without: tuple[str, ...],
    own: Sequence[MadeQuestion],
    how: str,
) -> dict[str, Any]:
    relative = Path(os.path.relpath(source.resolve(), path.parent.resolve())).as_posix()
    return {
        "name": name,
        "description": "Made by rules from the documents themselves, see README.md. Not asked by people.",
        "questions": "./questions.jsonl",
        "documents": relative if relative.startswith(".") else f"./{relative}",
        "without": list(without),
        "where": {"split": split},
        "languages": sorted({one.draft.lang for one in own}),
        "licence": "that of the documents",
        "source": how or "ragkit questions",
    }


def _proof(data: Dataset, split: str) -> dict[str, Any]:
    """Checksum and counts of a part, as `load_manifest` will find them."""
    part = data.where(lambda question: question.metadata["split"] == split, subset=f"split = {split}")
    return {"checksum": part.checksum(), "counts": dict(counts_of(part))}


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
