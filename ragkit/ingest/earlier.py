"""Vectors of passages that a document had before: a changed document is mostly what it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

import numpy as np

from ragkit.errors import DocumentError, StoreError
from ragkit.ingest.embed import Passages
from ragkit.ingest.imports.write import IMPORTED
from ragkit.ingest.prepare import Prepared
from ragkit.protocols import DocumentState, Vectors
from ragkit.store.abilities import ReadingStore
from ragkit.store.collection import StoreCollection
from ragkit.store.identity import chunk_id

# Read at a time: what a document of a thousand pages had need not be in memory at once.
_AT_ONCE = 256

Known = tuple[Vectors, bytes]
"""The vector of a text, shape `[d]`, and what a reranker read in it."""


def earlier_vectors(prepared: Prepared, collection: StoreCollection) -> Mapping[str, Known]:
    """The stored vectors of texts that the document, or the file under its former id, has now too.

    Args:
        prepared: to be embedded.
        collection: where it goes; its vectors are all of one model, so the same text has the same one.

    Returns:
        What is kept by the text that was embedded; nothing for a new document.
    """
    wanted = {chunk.search_text for chunk in prepared.chunks}
    found: dict[str, Known] = {}
    try:
        for state in _before(prepared, collection):
            found.update(_stored(state, wanted, collection))
    except StoreError:
        # To write must not need that all can be read: a damaged index says so where it is read from.
        return {}
    # What is hidden or was damaged is embedded as if it were new.
    return {text: known for text, known in found.items() if abs(float(np.dot(known[0], known[0])) - 1) < 1e-3}


def together(
    texts: Sequence[Sequence[str]],
    known: Sequence[Mapping[str, Known]],
    missing: Sequence[Sequence[str]],
    embedded: Sequence[Passages | DocumentError],
) -> Iterator[Passages | DocumentError]:
    """What there is of each document's texts: what was known, and what was made now.

    >>> made = Passages(np.zeros((1, 2)), [b"new"])
    >>> [passages] = together([["a", "b", "a"]], [{"a": (np.ones(2), b"old")}], [["b"]], [made])
    >>> passages.vectors.tolist(), passages.readings
    ([[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]], [b'old', b'new', b'old'])
    """
    for own, had, new, made in zip(texts, known, missing, embedded, strict=True):
        if isinstance(made, DocumentError) or not own:
            yield made
        else:
            by_text = {**had, **dict(zip(new, zip(made.vectors, made.readings, strict=True), strict=True))}
            yield Passages(np.stack([by_text[text][0] for text in own]), [by_text[text][1] for text in own])


def _stored(state: DocumentState, wanted: Set[str], collection: StoreCollection) -> dict[str, Known]:
    names = (state.tenant, state.document_id, state.content_hash, state.fingerprint)
    ids = [chunk_id(*names, ordinal) for ordinal in range(state.n_chunks)]
    scope = collection.scope_of(state)
    found: dict[str, Known] = {}
    store = collection.store
    for start in range(0, len(ids), _AT_ONCE):
        chunks = store.fetch(ids[start : start + _AT_ONCE], scope)
        texts = {c.id: c.search_text for c in chunks if c is not None and c.search_text in wanted}
        if texts:
            kept = (
                store.readings(list(texts), scope) if isinstance(store, ReadingStore) else [None] * len(texts)
            )
            readings = [reading or b"" for reading in kept]
            vectors = store.vectors(list(texts), scope)
            found.update(zip(texts.values(), zip(vectors, readings, strict=True), strict=True))
    return found


def _before(prepared: Prepared, collection: StoreCollection) -> Iterable[DocumentState]:
    assert prepared.document is not None
    assert prepared.state is not None
    own = collection.state(prepared.document.id, tenant=prepared.state.tenant or None)
    before = (*(() if own is None else (own,)), *prepared.twins)
    # Another library may have embedded more than the text.
    return [state for state in before if not state.fingerprint.startswith(IMPORTED)]
