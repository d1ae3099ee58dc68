"""What must hold of a commit and of vectors, whatever store they go to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragkit.errors import StoreError
from ragkit.fields import shown
from ragkit.protocols import Change, Vectors
from ragkit.store import codec
from ragkit.types import Chunk

_HEX = frozenset("0123456789abcdef")
# Bytes. A collection lets a tenant have 256 characters, and an index of PostgreSQL takes keys of some 2,700
# bytes, terms included. The same on every store, or what one takes could not be migrated to another.
_LONGEST_TENANT = 2_048


def check_changes(changes: Sequence[Change], dimension: int) -> None:
    """Refuses a commit that no store could keep consistently, before any of it is written.

    Raises:
        StoreError: a document or a chunk id twice, a chunk of another document or tenant, a malformed id,
            a tenant that is too long, half a surrogate pair in a text, or a vector that cannot be compared.
    """
    seen_documents: set[tuple[str, str]] = set()
    seen_ids: set[str] = set()
    for change in changes:
        key = (change.state.tenant, change.state.document_id)
        where = f"document {shown(key[1])}"
        if not all(isinstance(name, str) for name in key):
            raise StoreError(f"{where} of tenant {shown(key[0])}: expected text for its id and its tenant")
        n_bytes = len(key[0].encode("utf-8", "surrogatepass"))
        if n_bytes > _LONGEST_TENANT:
            raise StoreError(
                f"{where}: its tenant {shown(key[0])} has {n_bytes:,} bytes, and a store takes at most "
                f"{_LONGEST_TENANT:,}. Name it by an id or by a digest"
            )
        _check_texts(change, where)
        if key in seen_documents:
            raise StoreError(f"{where}: twice in one commit. Commit it once, or in two commits")
        seen_documents.add(key)
        if change.document is None and change.records:
            raise StoreError(f"{where}: chunks without a document")
        if change.document is not None and change.document.id != key[1]:
            raise StoreError(f"{where}: its content is that of {change.document.id!r}")
        for record in change.records:
            _check_chunk(record.chunk, key, where)
            if record.chunk.id in seen_ids:
                raise StoreError(f"{where}: chunk id {record.chunk.id} is there twice in one commit")
            seen_ids.add(record.chunk.id)
        if change.records:
            checked_vectors(np.stack([r.vector for r in change.records]), dimension, where)


def _check_texts(change: Change, where: str) -> None:
    state, document = change.state, change.document
    texts = [state.document_id, state.tenant, state.uri, state.stage, state.reason, state.origin]
    if document is not None:
        texts += [document.text, document.uri, codec.shape_of_document(document)]
    for record in change.records:
        texts += [record.chunk.text, codec.shape_of_chunk(record.chunk), *record.chunk.acl]
    try:
        for text in texts:
            if text is not None:
                text.encode()
    except UnicodeEncodeError as e:
        raise StoreError(
            f"{where}: a text holds half a surrogate pair, which no encoding can carry. Remove it"
        ) from e


def _check_chunk(chunk: Chunk, key: tuple[str, str], where: str) -> None:
    if (chunk.tenant, chunk.document_id) != key:
        raise StoreError(
            f"{where} of tenant {key[0]!r}: chunk {chunk.id} is of document {chunk.document_id!r} of tenant "
            f"{chunk.tenant!r}"
        )
    if len(chunk.id) != 32 or not _HEX.issuperset(chunk.id):
        raise StoreError(f"{where}: chunk id {chunk.id!r}: expected 32 hexadecimal digits")


def checked_vectors(vectors: Vectors, dimension: int, what: str) -> Vectors:
    """Vectors that can be compared: finite, of this dimension, of unit length.

    Raises:
        StoreError: they are not.
    """
    if not isinstance(vectors, np.ndarray) or vectors.dtype.kind != "f":
        raise StoreError(f"{what}: {shown(vectors)}: expected an array of floats of shape [n, {dimension}]")
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise StoreError(f"{what}: shape {vectors.shape}, expected [n, {dimension}] as this index was made")
    # One query is the common case, and what follows would take twenty times as long for it.
    if len(vectors) == 1 and abs(float(vectors[0] @ vectors[0]) - 1.0) < 1e-3:
        return vectors
    lengths = np.einsum("ij,ij->i", vectors, vectors)
    # NaN fails the comparison too.
    if len(lengths) and not float(np.abs(lengths - 1.0).max()) < 1e-3:
        at = int(np.flatnonzero(~(np.abs(lengths - 1.0) < 1e-3))[0])
        raise StoreError(
            f"{what}: vector {at} has squared length {float(lengths[at])}, expected 1: "
            "embedders give unit vectors"
        )
    return vectors
