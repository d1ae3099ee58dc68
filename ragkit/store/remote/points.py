"""Chunks as points of a server, and back."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Container, Mapping
from typing import Any

import numpy as np

from ragkit.errors import CorruptIndexError
from ragkit.protocols import Record
from ragkit.store import codec
from ragkit.store.remote.head import OPEN
from ragkit.store.remote.server import Point
from ragkit.store.remote.words import point_id, ranges_of, word, words_of
from ragkit.types import Chunk

CONTENT = ("id", "name", "tenant", "acl", "from", "to", "text", "shape", "crc")
JUDGED = ("id", "tenant", "acl", "from", "to", "shape")  # what is needed to tell whether a scope shows it
COUNTED = (*JUDGED, "n", "terms", "counts")  # what is needed to score it
# The weights that propose: those of texts of average length 100 with the usual parameters; see `sparse`.
K1, B, LENGTH = 0.9, 0.4, 100.0


def document_key(tenant: str, document_id: str) -> str:
    """A short name for a document of a tenant."""
    return point_id("document", tenant, document_id)


def chunk_point_id(identity: str, number: int) -> str:
    """The id of the point of a chunk that a commit wrote."""
    return point_id(identity, str(number))


def chunk_point(record: Record, key: str, number: int) -> Point:
    """A chunk as it is written by a commit; the same chunk of the same commit is the same point."""
    chunk = record.chunk
    shape = codec.shape_of_chunk(chunk)
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
    if record.reading:
        payload["reading"] = b64encode(record.reading).decode("ascii")
    vector = np.asarray(record.vector, dtype=np.float32)
    return Point(chunk_point_id(chunk.id, number), payload=payload, vector=vector)


def term_weights(payload: Mapping[str, Any], *, among: Container[str] | None = None) -> dict[str, float]:
    """How much each term of a chunk may add, in (0, 1); of those `among` some alone, where it is given."""
    norm = K1 * (1 - B + B * payload["n"] / LENGTH)
    counted = zip(payload["terms"], payload["counts"], strict=True)
    return {term: n / (n + norm) for term, n in counted if among is None or term in among}


def chunk_of(payload: Mapping[str, Any], restore: str) -> Chunk:
    """The chunk of a point; `restore` says what mends an index.

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
            f"a chunk's record on the server is damaged ({e!r}). {restore}, or ingest again"
        ) from e
