"""Points as the client takes them: a dense vector, and a sparse one of the terms."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ragkit.store.remote.points import term_weights
from ragkit.store.remote.server import Point

if TYPE_CHECKING:
    from qdrant_client import models

DENSE, TERMS = "dense", "terms"  # the names of the two vectors of a chunk


def point_struct(point: Point) -> models.PointStruct:
    """A point as it is written; records have no vectors."""
    from qdrant_client import models

    vectors: dict[str, Any] = {}
    if point.vector is not None:
        vectors[DENSE] = point.vector.tolist()
        if point.payload["terms"]:
            vectors[TERMS] = summed(term_weights(point.payload))
    return models.PointStruct(id=point.id, vector=vectors, payload=point.payload)


def summed(weights: Mapping[str, float]) -> models.SparseVector:
    """A sparse vector of terms' weights. Two terms may share a number: then both count, never less."""
    from qdrant_client import models

    out: dict[int, float] = {}
    for term, weight in weights.items():
        number = int.from_bytes(hashlib.sha256(term.encode("utf-8", "surrogatepass")).digest()[:4], "big")
        out[number] = out.get(number, 0.0) + weight
    return models.SparseVector(indices=list(out), values=list(out.values()))
