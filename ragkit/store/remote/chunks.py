"""Chunks and their vectors by id."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Sequence

import numpy as np

from ragkit.protocols import Vectors
from ragkit.store.remote.conditions import all_of, is_among
from ragkit.store.remote.points import CONTENT, JUDGED, chunk_of
from ragkit.store.remote.server import CHUNKS, Found
from ragkit.store.remote.view import View
from ragkit.types import Chunk

_AT_ONCE = 256
_CHUNK_ID = re.compile("[0-9a-f]{32}")  # what is none is nobody's, and is not asked for


def fetch(view: View, ids: Sequence[str]) -> list[Chunk | None]:
    """The chunks with these ids, in this order; None for one that the scope does not show."""
    restore = view.server.restore
    found = {hit.payload["id"]: chunk_of(hit.payload, restore) for hit in _found(view, ids, CONTENT)}
    return [found.get(identity) for identity in ids]


def vectors(view: View, ids: Sequence[str], dimension: int) -> Vectors:
    """The stored vectors of these chunks, shape `[n, d]`; zeros for one that the scope hides."""
    out = np.zeros((len(ids), dimension), dtype=np.float32)
    found = {hit.payload["id"]: hit.vector for hit in _found(view, ids, JUDGED, vectors=True)}
    for i, identity in enumerate(ids):
        vector = found.get(identity)
        if vector is not None:
            out[i] = vector
    return out


def readings(view: View, ids: Sequence[str]) -> list[bytes | None]:
    """What a reranker read in these chunks; None where nothing is kept, or the scope hides it."""
    kept = {hit.payload["id"]: hit.payload.get("reading") for hit in _found(view, ids, (*JUDGED, "reading"))}
    return [_decoded(kept.get(identity)) for identity in ids]


def _decoded(text: object) -> bytes | None:
    try:
        return b64decode(text, validate=True) if isinstance(text, str) else None
    except ValueError:  # damaged: it can be made again
        return None


def _found(view: View, ids: Sequence[str], keys: Sequence[str], *, vectors: bool = False) -> Iterator[Found]:
    asked = [identity for identity in dict.fromkeys(ids) if _CHUNK_ID.fullmatch(identity)]
    for first in range(0, len(asked), _AT_ONCE):
        condition = all_of([view.shown, is_among("id", asked[first : first + _AT_ONCE])])
        for hit in view.server.scroll(CHUNKS, condition, keys, vectors=vectors):
            if view.shows(hit.payload):
                yield hit
