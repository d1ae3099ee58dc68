"""Chunks as points of the server, and back."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.errors import CorruptIndexError, StoreError
from ragkit.protocols import Record, Vectors
from ragkit.store import codec
from ragkit.types import Chunk
from ragkit_connectors.qdrant.head import OPEN
from ragkit_connectors.qdrant.tokens import point_id, ranges_of, word, words_of

if TYPE_CHECKING:
    from qdrant_client import models

DENSE, TERMS = "dense", "terms"  # the names of the two vectors of a point
CONTENT = ("id", "name", "tenant", "acl", "from", "to", "text", "shape", "crc")
JUDGED = ("id", "tenant", "acl", "from", "to", "shape")  # what is needed to tell whether a scope shows it
# The weights in the sparse vectors: those of texts of average length 100 with the usual parameters. They only
# propose; see `sparse`.
K1, B, LENGTH = 0.9, 0.4, 100.0


def document_key(tenant: str, document_id: str) -> str:
    """A short name for a document of a tenant."""
    return point_id("document", tenant, document_id)


def chunk_point(record: Record, key: str, number: int, where: str) -> models.PointStruct:
    """A chunk as it is written by a commit; the same chunk of the same commit is the same point.

    Raises:
        StoreError: a text that no encoding can carry.
    """
    from qdrant_client import models

    chunk = record.chunk
    shape = codec.shape_of_chunk(chunk)
    check_texts((chunk.document_id, chunk.tenant, *chunk.acl, chunk.text, shape), where)
    counts = Counter(word(term) for term in record.terms)
    payload = {
        "id": chunk.id,
        "doc": key,
        "name": chunk.document_id,
        "tenant": chunk.tenant,
        "acl": list(chunk.acl),
        "from": number,
        "to": OPEN,
        "text": chunk.text,
        "shape": shape,
        "crc": codec.checksum_of(bytes.fromhex(chunk.id), chunk.text, shape),
        "n": len(record.terms),
        "terms": list(counts),
        "counts": list(counts.values()),
        "k": words_of(chunk.metadata),
        "r": ranges_of(chunk.metadata),
    }
    vectors: dict[str, Any] = {DENSE: np.asarray(record.vector, dtype=np.float32).tolist()}
    if counts:
        vectors[TERMS] = sparse_vector(counts, len(record.terms))
    return models.PointStruct(id=point_id(chunk.id, str(number)), vector=vectors, payload=payload)


def sparse_vector(counts: Mapping[str, int], length: int) -> models.SparseVector:
    """How much each term of a chunk may add, by the number of the term."""
    norm = K1 * (1 - B + B * length / LENGTH)
    return summed({term: n / (n + norm) for term, n in counts.items()})


def summed(weights: Mapping[str, float]) -> models.SparseVector:
    """A sparse vector of terms' weights. Two terms may share a number: then both count, never less."""
    from qdrant_client import models

    out: dict[int, float] = {}
    for term, weight in weights.items():
        number = int.from_bytes(hashlib.sha256(term.encode("utf-8", "surrogatepass")).digest()[:4], "big")
        out[number] = out.get(number, 0.0) + weight
    return models.SparseVector(indices=list(out), values=list(out.values()))


def check_texts(texts: Sequence[str], where: str) -> None:
    """Refuses what cannot be sent.

    Raises:
        StoreError: one of the texts holds half a surrogate pair.
    """
    try:
        for text in texts:
            text.encode()
    except UnicodeEncodeError as e:
        raise StoreError(
            f"{where}: a text holds half a surrogate pair, which no encoding can carry. Remove it"
        ) from e


def chunk_of(payload: Mapping[str, Any]) -> Chunk:
    """The chunk of a point.

    Raises:
        CorruptIndexError: it is not what was written.
    """
    try:
        identity = bytes.fromhex(payload["id"])
        owner = (payload["tenant"], tuple(payload.get("acl") or ()))
        return codec.chunk_from(
            identity, payload["name"], payload["text"], payload["shape"], payload["crc"], owner
        )
    except (KeyError, ValueError, TypeError) as e:
        raise CorruptIndexError(
            f"a chunk's record on the server is damaged ({e!r}). Restore the collections from a snapshot, or "
            "ingest again"
        ) from e


def vector_of(point: Any) -> Vectors:
    """The stored vector of a point, as it was written."""
    return np.asarray(point.vector[DENSE], dtype=np.float32)
