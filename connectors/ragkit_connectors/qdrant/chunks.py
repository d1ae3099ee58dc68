"""Chunks and their vectors by id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ragkit.protocols import Vectors
from ragkit.types import Chunk
from ragkit_connectors.qdrant.filters import all_of, is_among
from ragkit_connectors.qdrant.points import CONTENT, DENSE, JUDGED, chunk_of, vector_of
from ragkit_connectors.qdrant.view import View

_AT_ONCE = 256


def fetch(view: View, ids: Sequence[str]) -> list[Chunk | None]:
    """The chunks with these ids, in this order; None for one that the scope does not show."""
    found = {point.payload["id"]: chunk_of(point.payload) for point in _points(view, ids, CONTENT, ())}
    return [found.get(identity) for identity in ids]


def vectors(view: View, ids: Sequence[str], dimension: int) -> Vectors:
    """The stored vectors of these chunks, shape `[n, d]`; zeros for one that the scope hides."""
    out = np.zeros((len(ids), dimension), dtype=np.float32)
    found = {point.payload["id"]: vector_of(point) for point in _points(view, ids, JUDGED, (DENSE,))}
    for i, identity in enumerate(ids):
        if identity in found:
            out[i] = found[identity]
    return out


def _points(view: View, ids: Sequence[str], keys: Sequence[str], vectors: Sequence[str]) -> Iterator[Any]:
    asked = [identity for identity in dict.fromkeys(ids) if len(identity) == 32 and identity.isascii()]
    for first in range(0, len(asked), _AT_ONCE):
        condition = all_of([view.shown, is_among("id", asked[first : first + _AT_ONCE])])
        for point in view.server.scroll(view.server.settings.collection, condition, keys, vectors):
            if view.shows(point.payload):
                yield point
