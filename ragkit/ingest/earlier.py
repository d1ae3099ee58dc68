"""Vectors of passages that a document had before: a changed document is mostly what it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

import numpy as np

from ragkit.errors import DocumentError, StoreError
from ragkit.ingest.prepare import Prepared
from ragkit.protocols import DocumentState, Vectors
from ragkit.store.collection import StoreCollection
from ragkit.store.identity import chunk_id

# Read at a time: what a document of a thousand pages had need not be in memory at once.
_AT_ONCE = 256


def earlier_vectors(prepared: Prepared, collection: StoreCollection) -> Mapping[str, Vectors]:
    """The stored vectors of texts that the document, or the file under its former id, has now too.

    Args:
        prepared: to be embedded.
        collection: where it goes; its vectors are all of one model, so the same text has the same one.

    Returns:
        Vectors of shape `[d]` by the text that was embedded; none for a new document.
    """
    wanted = {chunk.search_text for chunk in prepared.chunks}
    found: dict[str, Vectors] = {}
    try:
        for state in _before(prepared, collection):
            found.update(_stored(state, wanted, collection))
    except StoreError:
        # To write must not need that all can be read: a damaged index says so where it is read from.
        return {}
    # What is hidden or was damaged is embedded as if it were new.
    return {text: vector for text, vector in found.items() if abs(float(np.dot(vector, vector)) - 1.0) < 1e-3}


def together(
    texts: Sequence[Sequence[str]],
    known: Sequence[Mapping[str, Vectors]],
    missing: Sequence[Sequence[str]],
    embedded: Sequence[Vectors | DocumentError],
) -> Iterator[Vectors | DocumentError]:
    """The vectors of each document's texts, shape `[n, d]`: those that were known, and those embedded now.

    >>> one = np.ones(2)
    >>> [vectors] = together([["a", "b", "a"]], [{"a": one}], [["b"]], [np.zeros((1, 2))])
    >>> vectors.tolist()
    [[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]]
    """
    for own, had, new, vectors in zip(texts, known, missing, embedded, strict=True):
        if isinstance(vectors, DocumentError) or not own:
            yield vectors
        else:
            by_text = {**had, **dict(zip(new, vectors, strict=True))}
            yield np.stack([by_text[text] for text in own])


def _stored(state: DocumentState, wanted: Set[str], collection: StoreCollection) -> dict[str, Vectors]:
    names = (state.tenant, state.document_id, state.content_hash, state.fingerprint)
    ids = [chunk_id(*names, ordinal) for ordinal in range(state.n_chunks)]
    scope = collection.scope_of(state)
    found: dict[str, Vectors] = {}
    for start in range(0, len(ids), _AT_ONCE):
        chunks = collection.store.fetch(ids[start : start + _AT_ONCE], scope)
        texts = {c.id: c.search_text for c in chunks if c is not None and c.search_text in wanted}
        if texts:
            found.update(zip(texts.values(), collection.store.vectors(list(texts), scope), strict=True))
    return found


def _before(prepared: Prepared, collection: StoreCollection) -> Iterable[DocumentState]:
    assert prepared.document is not None
    assert prepared.state is not None
    own = collection.state(prepared.document.id, tenant=prepared.state.tenant or None)
    return (*(() if own is None else (own,)), *prepared.twins)
