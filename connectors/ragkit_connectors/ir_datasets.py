"""Judged collections of the package ir_datasets, by its ids: `beir/scifact/test`, `msmarco-passage/dev`.

The package fetches what it does not have yet, and keeps it in `~/.ir_datasets` or where `IR_DATASETS_HOME`
says. Licences are those of each collection: see https://ir-datasets.com.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ragkit.errors import EvalError, did_you_mean

_TEXTS = ("text", "body", "abstract", "contents", "main_content")
_TITLES = ("title", "headline")


class IrDataset:
    """One collection, as plain values.

    Args:
        source: an id of the package, or a dataset made with its own classes, such as
            `ir_datasets.create_dataset(docs_tsv=…, queries_tsv=…, qrels_trec=…)`.

    Raises:
        EvalError: there is no such id, or it has no documents, queries or judgements.

    Example:
        data = IrDataset("beir/scifact/test")
        next(data.documents())
    """

    def __init__(self, source: object) -> None:
        data: Any = _known(source) if isinstance(source, str) else source
        name = source if isinstance(source, str) else "a dataset of ir_datasets"
        parts = {"documents": "docs", "queries": "queries", "judgements": "qrels"}
        missing = [word for word, part in parts.items() if not data.has(part)]
        if missing:
            raise EvalError(
                f"{name}: has no {' and no '.join(missing)}. Take an id that has all three, often one with "
                "/test or /dev at its end"
            )
        self._data = data

    def documents(self) -> Iterator[tuple[str, str, str]]:
        """Each document's id, title (or an empty text) and text."""
        for row in self._data.docs_iter():
            title = _first(row, _TITLES)
            yield str(row.doc_id), title, _first(row, _TEXTS) or _default_text(row, without=title)

    def queries(self) -> Iterator[tuple[str, str]]:
        """Each query's id and text; of a TREC topic the title."""
        for row in self._data.queries_iter():
            yield str(row.query_id), _first(row, ("text", "title", "query")) or _default_text(row)

    def judgements(self) -> Iterator[tuple[str, str, int]]:
        """Query id, document id and grade."""
        for row in self._data.qrels_iter():
            yield str(row.query_id), str(row.doc_id), int(row.relevance)


def _known(id_: str) -> object:
    import ir_datasets

    try:
        return ir_datasets.load(id_)
    except KeyError:
        near = did_you_mean(id_, ir_datasets.registry)
        raise EvalError(
            f"ir_datasets: no dataset {id_!r}.{near} All are at https://ir-datasets.com"
        ) from None


def _first(row: object, names: Iterable[str]) -> str:
    values = (getattr(row, name, None) for name in names)
    return next((value.strip() for value in values if isinstance(value, str) and value.strip()), "")


def _default_text(row: Any, without: str = "") -> str:
    text = str(row.default_text())
    return text.removeprefix(without).strip()
