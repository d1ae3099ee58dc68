"""Where each chunk of an index lies, worked out once when it is made: arms give nothing but ids."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from ragkit.evaluation.runner.journal import write_whole
from ragkit.store.collection import StoreCollection
from ragkit.types import Chunk, QueryPlan, Span

PLACES = "places.json"
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Whole:
    """All of a chunk: its document, and its span as the only one.

    >>> Whole("a.md", spans=(Span(0, 10),)).document_id
    'a.md'
    """

    document_id: str
    spans: tuple[Span, ...] = field(kw_only=True)

    @classmethod
    def of(cls, chunk: Chunk) -> Whole:
        """Where a chunk lies."""
        return cls(chunk.document_id, spans=(chunk.span,))


def write_places(folder: Path, collection: StoreCollection, plan: QueryPlan) -> None:
    """Looks up the chunks of an index, once for all runs; one that is left out is looked up when it is found.

    Args:
        folder: of the index.
        collection: the index.
        plan: of any question, by whoever may see them.
    """
    n, dimension = max(collection.counts().chunks, 1), collection.embedder.dimension
    (batch,) = collection.dense(["any"], n, plan, np.eye(1, dimension, dtype=np.float32))
    ids = batch.id_list()
    found = {
        chunk.id: [chunk.document_id, chunk.span.start, chunk.span.end]
        for first in range(0, len(ids), _PAGE)
        for chunk in _there(collection.fetch(ids[first : first + _PAGE], plan))
    }
    write_whole(folder / PLACES, json.dumps(found) + "\n")


@lru_cache(maxsize=4)
def read_places(folder: Path) -> Mapping[str, Whole]:
    """Where chunks lie, by id; nothing where that is not known. An index of the harness never changes."""
    try:
        rows = json.loads((folder / PLACES).read_text())
    except (OSError, ValueError):
        return {}
    return {id_: Whole(document, spans=(Span(start, end),)) for id_, (document, start, end) in rows.items()}


def _there(chunks: Iterable[Chunk | None]) -> Iterable[Chunk]:
    return (chunk for chunk in chunks if chunk is not None)
