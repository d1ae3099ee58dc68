"""The documents that a report shows passages of, kept with it: a page can be made when the corpus is gone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ragkit.evaluation.case import Texts
from ragkit.evaluation.reports.json import json_text
from ragkit.evaluation.rows import numbered_lines, object_of
from ragkit.evaluation.runner.journal import write_whole
from ragkit.evaluation.texts import HeldTexts

DOCUMENTS = "documents.jsonl"
_MAX_CHARS = 50_000_000


class Noted:
    """Texts that note which of them were asked for.

    >>> texts = Noted(HeldTexts({"a.md": "One.", "b.md": "Two."}))
    >>> texts.document("b.md"), list(texts.asked)
    ('Two.', ['b.md'])
    """

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self.asked: dict[str, str] = {}

    def document(self, document_id: str) -> str | None:
        """See `Texts`."""
        text = self.asked.get(document_id)
        if text is None:
            text = self._texts.document(document_id)
            if text is not None:
                self.asked[document_id] = text
        return text


def keep_texts(noted: Mapping[str, Noted], folder: Path) -> None:
    """Writes the documents that were asked for into the folders of their datasets, by id.

    At most 50 million characters of a dataset: where there is more, passages are shown without their text.
    """
    for dataset, texts in noted.items():
        lines, left = [], _MAX_CHARS
        for document, text in sorted(texts.asked.items()):
            if len(text) <= left:
                lines.append(json_text({"_id": document, "text": text}))
                left -= len(text)
        write_whole(folder / dataset / DOCUMENTS, "".join(lines))


def kept_texts(folder: Path, datasets: Mapping[str, object]) -> dict[str, HeldTexts]:
    """The documents that were kept, by dataset.

    Raises:
        EvalError: a file is damaged.
    """
    found = {}
    for dataset in datasets:
        path = folder / dataset / DOCUMENTS
        rows = numbered_lines(path) if path.exists() else ()
        texts = (object_of(line, f"{path}:{number}") for number, line in rows)
        found[dataset] = HeldTexts({str(row["_id"]): str(row["text"]) for row in texts})
    return found
