"""A collection so small that a pipeline over it takes no time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragkit.config.defaults import default_config
from ragkit.config.spec import Config
from ragkit.evaluation.dataset import Dataset, load_dataset
from ragkit.evaluation.runner.pipeline import Pipeline

DOCUMENTS = {
    "warranty": "The warranty of the scanner lasts two years. It covers the lamp and the motor.",
    "backup": "Backups are made every night at three. They are kept for thirty days in Oslo.",
    "licence": "The team plan has ten licences. A licence file is sent by post within a week.",
    "office": "The office in Bergen opens at nine. On Fridays it closes at noon.",
    "printer": "The printer takes paper of eighty grams. Its toner lasts four thousand pages.",
    "invoice": "Invoices are due within fourteen days. A reminder costs five euros.",
    "phone": "Support answers the phone from eight to six. At night there is a form.",
    "storage": "The archive holds up to nine terabytes. It is mirrored to a second site.",
}
QUESTIONS = {
    "q-warranty": "How long does the warranty of the scanner last?",
    "q-backup": "When are backups made?",
    "q-licence": "How is a licence file sent?",
    "q-office": "When does the office in Bergen open?",
    "q-printer": "Which paper does the printer take?",
    "q-invoice": "When are invoices due?",
    "q-phone": "Who answers the phone at night?",
    "q-storage": "How much does the archive hold?",
}


def small_dataset(folder: Path, documents: Mapping[str, str] = DOCUMENTS) -> Dataset:
    """The collection, written in BEIR layout."""
    (folder / "qrels").mkdir(parents=True)
    _write(folder / "corpus.jsonl", [{"_id": id_, "text": text} for id_, text in documents.items()])
    _write(folder / "queries.jsonl", [{"_id": id_, "text": text} for id_, text in QUESTIONS.items()])
    judged = "".join(f"{id_}\t{id_.removeprefix('q-')}\t1\n" for id_ in QUESTIONS)
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}")
    return load_dataset(folder)


def config(**changes: Any) -> Config:
    """The embedded default with some values changed; `__` stands for a dot."""
    return default_config(set={key.replace("__", "."): value for key, value in changes.items()})


def pipeline(name: str = "default", *, answers: bool = True, **changes: Any) -> Pipeline:
    """A pipeline of the embedded default with some values changed."""
    return Pipeline(name, config=config(**changes), answers=answers)


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
