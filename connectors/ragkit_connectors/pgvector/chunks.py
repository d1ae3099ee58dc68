"""Chunks and their vectors by id."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragkit.protocols import Vectors
from ragkit.store import codec
from ragkit.types import Chunk
from ragkit_connectors.pgvector.encoding import to_text, unspelled
from ragkit_connectors.pgvector.once import Once
from ragkit_connectors.pgvector.view import View

_CHUNKS = """
SELECT c.id, d.id, c.text, c.shape, c.checksum, c.tenant, c.acl
FROM chunks c JOIN documents d ON d.key = c.document WHERE c.id = ANY(%(ids)s) AND {shown}
"""
_VECTORS = "SELECT c.id, c.embedding FROM chunks c WHERE c.id = ANY(%(ids)s) AND {shown}"

_READINGS = "SELECT c.id, c.reading FROM chunks c WHERE c.id = ANY(%(ids)s) AND {shown}"


def fetch(asked: Once | View, ids: Sequence[str]) -> list[Chunk | None]:
    """The chunks with these ids, in this order; None for one that the scope does not show."""
    wanted = _possible(ids)
    found: dict[str, Chunk] = {}
    if wanted:
        for identity, document_id, text, shape, checksum, tenant, acl in asked.rows(_CHUNKS, ids=wanted):
            groups = tuple(unspelled(group) for group in acl)
            found[identity.hex()] = codec.chunk_from(
                identity,
                to_text(document_id),
                to_text(text),
                to_text(shape),
                checksum,
                (to_text(tenant), groups),
            )
    return [found.get(identity) for identity in ids]


def vectors(asked: Once | View, ids: Sequence[str], dimension: int) -> Vectors:
    """The stored vectors of these chunks, shape `[n, d]`; zeros for one that the scope hides."""
    out = np.zeros((len(ids), dimension), dtype=np.float32)
    wanted = _possible(ids)
    if wanted:
        found = {identity.hex(): vector for identity, vector in asked.rows(_VECTORS, ids=wanted)}
        for i, identity in enumerate(ids):
            if identity in found:
                out[i] = found[identity]
    return out


def readings(asked: Once | View, ids: Sequence[str]) -> list[bytes | None]:
    """What a reranker read in these chunks; None where nothing is kept, or the scope hides it."""
    wanted = _possible(ids)
    rows = asked.rows(_READINGS, ids=wanted) if wanted else ()
    found = {identity.hex(): reading for identity, reading in rows}
    return [found.get(identity) for identity in ids]


def _possible(ids: Sequence[str]) -> list[bytes]:
    """The ids that could be somebody's."""
    possible = []
    for identity in dict.fromkeys(ids):
        try:
            data = bytes.fromhex(identity)
        except ValueError:
            continue
        if data.hex() == identity:
            possible.append(data)
    return possible
