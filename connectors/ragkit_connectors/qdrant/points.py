"""The two vectors of a chunk as they are sent: a dense one, and a sparse one of the terms."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ragkit.store.remote.points import term_weights
from ragkit.store.remote.server import Point
from ragkit_connectors.qdrant.port import DENSE, TERMS

if TYPE_CHECKING:
    from qdrant_client import models

_NUMBERS = 65_536  # of terms that are remembered


def numbered(weights: Mapping[str, float]) -> dict[int, float]:
    """Terms' weights by number. Two terms may share a number: then both count, never less."""
    out: dict[int, float] = {}
    for term, weight in weights.items():
        number = _number(term)
        out[number] = out.get(number, 0.0) + weight
    return out


def terms_of(point: Point) -> dict[int, float]:
    """The sparse vector of a chunk; empty where it has no term."""
    return numbered(term_weights(point.payload)) if point.payload["terms"] else {}


@lru_cache(maxsize=_NUMBERS)
def _number(term: str) -> int:
    return int.from_bytes(hashlib.sha256(term.encode("utf-8", "surrogatepass")).digest()[:4], "big")


def point_struct(point: Point) -> models.PointStruct:
    """A point as the client writes it; records have no vectors."""
    from qdrant_client import models

    vectors: dict[str, Any] = {}
    if point.vector is not None:
        vectors[DENSE] = point.vector.tolist()
        if terms := terms_of(point):
            vectors[TERMS] = sparse_vector(terms)
    # Without the client's own look at each number: they come from arrays that were checked.
    return models.PointStruct.model_construct(id=point.id, vector=vectors, payload=point.payload)


def sparse_vector(weights: Mapping[int, float]) -> models.SparseVector:
    """Numbered weights as the client takes them."""
    from qdrant_client import models

    return models.SparseVector.model_construct(indices=list(weights), values=list(weights.values()))
