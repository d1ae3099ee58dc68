"""Manifests of datasets: where one comes from, under which licence, and what proves that it is the same.

    name: scifact
    folder: scifact           # below --data or RAGKIT_DATA; beside the manifest if it begins with a dot
    split: test
    layout: scifact           # how its rows state answers and evidence, see ragkit.evaluation.layouts
    languages: [en]
    licence: CC BY 4.0
    source: https://github.com/allenai/scifact
    checksum: 5f0c…           # Dataset.checksum()
    counts: {documents: 5183, questions: 1109, judged: 300}

In place of `folder` stand `questions`, `documents` and, if there are, `qrels` and `without` (documents to
leave out) where it is a file of questions over a folder of documents, or `ir_datasets` with the id of one of
that package.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field

from ragkit.errors import ConfigError, EvalError
from ragkit.evaluation.dataset import Dataset, Question, load_dataset
from ragkit.evaluation.layouts.layout import check_layout, laid_out
from ragkit.evaluation.own_questions import load_questions
from ragkit.settings import Settings

DATA_VARIABLE = "RAGKIT_DATA"

Count = Literal["documents", "questions", "judged", "evidence", "unanswerable"]


class Manifest(Settings):
    """What a manifest says; see the module.

    >>> Manifest(name="mine", folder="mine", licence="CC0 1.0", source="https://example.org").split
    'test'
    """

    # It names a folder of each run: `..` would lead out of it.
    name: str = Field(pattern=r"^[^\W_][\w.+-]{0,63}$")
    description: str = ""
    folder: str | None = None
    corpus: str | None = None
    split: str = "test"
    questions: str | None = None
    documents: str | None = None
    qrels: str | None = None
    without: tuple[str, ...] = ()
    ir_datasets: str | None = None
    layout: str = "plain"
    where: Mapping[str, str | int | bool] = {}
    languages: tuple[str, ...] = ()
    licence: str
    source: str
    checksum: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    counts: Mapping[Count, int] = {}


def load_manifest(path: str | Path, *, data: str | Path | None = None, split: str | None = None) -> Dataset:
    """Opens the dataset that a manifest describes, and proves that it is the one that is meant.

    Args:
        path: the manifest, a YAML file.
        data: the folder that holds the datasets; else `RAGKIT_DATA` says.
        split: other judgements than the manifest's; checksum and counts are then not compared.

    Raises:
        EvalError: the manifest is malformed; the data is not there, malformed, or other data than the
            manifest's checksum and counts say.
    """
    path = Path(path)
    manifest = read_manifest(path)
    if manifest.folder is None and split not in (None, manifest.split):
        raise EvalError(
            f"{path}: split {split!r}: only a `folder:` has judgements by split. Choose questions by their "
            "metadata with `where:`"
        )
    found = _opened(manifest, path, Path(data) if data else None, split or manifest.split)
    found = laid_out(found, manifest.layout)
    if manifest.where:
        words = ", ".join(f"{key} = {value}" for key, value in manifest.where.items())
        found = found.where(lambda question: _fits(question, manifest.where), subset=words)
    if split in (None, manifest.split):
        _prove(found, manifest, path)
    return found


def read_manifest(path: Path) -> Manifest:
    """What a manifest says, before its data is looked for.

    Raises:
        EvalError: it is malformed: all that is wrong.
    """
    try:
        stated = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as e:
        raise EvalError(f"{path}: no such manifest") from e
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        raise EvalError(f"{path}: cannot be read as YAML: {e}") from e
    if not isinstance(stated, dict):
        raise EvalError(f"{path}: expected `name:`, `folder:`, `licence:` and `source:`, one a line")
    try:
        manifest = Manifest.checked(str(path), {str(key): value for key, value in stated.items()})
    except ConfigError as e:
        raise EvalError(str(e)) from e
    check_layout(manifest.layout, str(path))
    forms = [manifest.folder, manifest.questions, manifest.ir_datasets]
    if sum(form is not None for form in forms) != 1 or (manifest.questions and not manifest.documents):
        raise EvalError(
            f"{path}: expected one of `folder:` (BEIR layout), `questions:` with `documents:` (a file of "
            "questions over documents of your own), `ir_datasets:` (an id of that package)"
        )
    return manifest


def _opened(manifest: Manifest, path: Path, data: Path | None, split: str) -> Dataset:
    if manifest.ir_datasets is not None:
        from ragkit.evaluation.from_ir_datasets import load_ir_dataset

        return load_ir_dataset(manifest.ir_datasets, name=manifest.name)
    if manifest.questions is not None:
        qrels = manifest.qrels and _place(manifest.qrels, path, data, manifest)
        return load_questions(
            _place(manifest.questions, path, data, manifest),
            _place(manifest.documents or "", path, data, manifest),
            qrels=qrels or None,
            without=manifest.without,
            name=manifest.name,
        )
    folder = _place(manifest.folder or "", path, data, manifest)
    corpus = manifest.corpus and _place(manifest.corpus, path, data, manifest)
    return load_dataset(folder, split=split, corpus=corpus or None, name=manifest.name)


def _place(stated: str, manifest_path: Path, data: Path | None, manifest: Manifest) -> Path:
    """Where a path of the manifest leads.

    Raises:
        EvalError: nothing is there, or it is not known where the data lies.
    """
    beside = _beside(stated, manifest_path)
    if stated.startswith("."):
        place = Path(os.path.normpath(manifest_path.parent / stated))
        base = f"beside {manifest_path}"
    else:
        variable = os.environ.get(DATA_VARIABLE)
        root = data or (Path(variable) if variable else None)
        if root is None:
            raise EvalError(
                f"{manifest_path}: where is {stated!r}? Say which folder holds the datasets, with --data "
                f"FOLDER or {DATA_VARIABLE}=FOLDER.{beside} It comes from {manifest.source}"
            )
        place, base = root / stated, f"in {root}"
    if not place.exists():
        raise EvalError(
            f"{manifest_path}: there is no {stated!r} {base}.{beside} It comes from {manifest.source}"
        )
    return place


def _beside(stated: str, manifest_path: Path) -> str:
    """What to write where a path was meant to begin at the manifest."""
    if stated.startswith(".") or not (manifest_path.parent / stated).exists():
        return ""
    return f" If you mean the one beside the manifest, write './{stated}'."


def _fits(question: Question, where: Mapping[str, str | int | bool]) -> bool:
    return all(question.metadata.get(key) == value for key, value in where.items())


def counts_of(data: Dataset, *, documents: int | None = None) -> dict[Count, int]:
    """What a manifest states of a dataset; the documents are counted where their number is not given.

    Raises:
        EvalError: the dataset is malformed, see `Dataset.check`.
    """
    questions = data.questions.values()
    return {
        "documents": data.check() if documents is None else documents,
        "questions": len(data.questions),
        "judged": len(data.judged),
        "evidence": sum(bool(question.evidence) for question in questions),
        "unanswerable": sum(question.is_answerable is False for question in questions),
    }


def _prove(data: Dataset, manifest: Manifest, path: Path) -> None:
    is_known = manifest.checksum is not None and data.checksum() == manifest.checksum
    # Equal content has as many documents: they need not be counted again.
    expected = manifest.counts.get("documents") if is_known else None
    counts = counts_of(data, documents=expected)
    wrong = [
        f"{key}: {counts[key]:,}, expected {number:,}"
        for key, number in manifest.counts.items()
        if counts[key] != number
    ]
    if wrong or (manifest.checksum is not None and not is_known):
        told = "; ".join(wrong) or "the counts are the same, the content is not"
        raise EvalError(
            f"{path}: the data is not what it describes ({told}; checksum {data.checksum()}). Figures of "
            f"other data cannot be compared: get it again from {manifest.source}, or, if you mean this data, "
            "write a manifest of its own"
        )
