"""A store's documents as they were committed: what another store is given to hold the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ragkit.errors import CorruptIndexError, StoreError
from ragkit.fields import ACL, TENANT, FieldSpec, shown
from ragkit.protocols import Analyzer, Change, DocumentState, Manifest, Record, Scope, Vectors, VectorStore
from ragkit.store.abilities import ReadingStore
from ragkit.store.identity import chunk_id, content_hash
from ragkit.types import Chunk, Document

_PAGE, _LISTED = 1_000, 5


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """A document's chunks in their order, their vectors, shape `[n, d]`, and what a reranker read in each.

    `readings` are empty where nothing was kept.
    """

    document: Document | None
    chunks: tuple[Chunk, ...]
    vectors: Vectors
    readings: tuple[bytes, ...]


class ContentReader:
    """Reads one document after the other, by the names of its chunks.

    Args:
        store: an opened store that keeps the record of documents.
        fields: those of its collection.
    """

    def __init__(self, store: VectorStore, fields: Mapping[str, FieldSpec]) -> None:
        if not isinstance(store, Manifest):
            raise StoreError(
                f"{store.capabilities.name} keeps no record of documents (Manifest), so nobody can say what "
                "is in it. Ingest again instead"
            )
        self.store, self.manifest = store, store
        self._has_tenants, self._has_acl = TENANT in fields, ACL in fields

    def scope(self, tenant: str, acl: tuple[str, ...]) -> Scope:
        """What a tenant has for these groups."""
        return Scope(tenant if self._has_tenants else None, acl if self._has_acl else None)

    def check_readable(self, states: Iterable[DocumentState]) -> None:
        """Refuses documents that no scope shows, before anything is copied.

        Raises:
            StoreError: there are some.
        """
        if not self._has_acl:
            return
        kept = (s for s in states if s.n_chunks)
        named = ((s, self.manifest.source(s.tenant, s.document_id)) for s in kept)
        closed = [s for s, document in named if document is not None and not document.acl]
        if closed:
            listed = ", ".join(shown(state.document_id) for state in closed[:_LISTED])
            raise StoreError(
                f"{len(closed)} documents have no groups (acl), so that nobody can read them, nor can they "
                f"be copied: {listed}. Give them groups by ingesting them again, or remove them with ragkit "
                "forget"
            )

    def content(self, state: DocumentState) -> Content:
        """What is kept of a document.

        Raises:
            CorruptIndexError: a part of it is missing.
        """
        document = self.manifest.source(state.tenant, state.document_id)
        scope = self.scope(state.tenant, document.acl if document is not None else ())
        if document is None or not state.n_chunks:
            return Content(document, (), self.store.vectors([], scope), ())
        ids = self._ids(state, document)
        chunks = tuple(c for c in self.store.fetch(ids, scope) if c is not None)
        if len(chunks) != state.n_chunks or any(c.document_id != state.document_id for c in chunks):
            raise CorruptIndexError(
                f"document {shown(state.document_id)}: {len(chunks)} chunks are there, expected "
                f"{state.n_chunks}. Run ragkit verify, and ragkit repair"
            )
        kept = self.store.readings(ids, scope) if isinstance(self.store, ReadingStore) else [None] * len(ids)
        readings = tuple(reading or b"" for reading in kept)
        return Content(document, chunks, self.store.vectors(ids, scope), readings)

    def _ids(self, state: DocumentState, document: Document) -> list[str]:
        """By the rule that names them; where another pipeline made them, by asking for all there are."""
        names = (state.tenant, state.document_id, content_hash(document), state.fingerprint)
        ids = [chunk_id(*names, ordinal) for ordinal in range(state.n_chunks)]
        if all(chunk is not None for chunk in self.store.fetch(ids, self.scope(state.tenant, document.acl))):
            return ids
        return self._listed(self.scope(state.tenant, document.acl), state)

    def _listed(self, scope: Scope, state: DocumentState) -> list[str]:
        """The few documents of this kind are asked for with all that the same readers see."""
        n, dimension = max(self.store.counts().chunks, 1), self.store.vectors([], scope).shape[1]
        (batch,) = self.store.search(np.eye(1, dimension, dtype=np.float32), n, scope)
        ids, found = batch.id_list(), list[tuple[int, str]]()
        for first in range(0, len(ids), _PAGE):
            for chunk in self.store.fetch(ids[first : first + _PAGE], scope):
                if chunk is not None and chunk.document_id == state.document_id:
                    found.append((chunk.ordinal, chunk.id))
        return [name for _, name in sorted(found)]


def changes_of(state: DocumentState, content: Content, analyzer: Analyzer) -> Sequence[Change]:
    """What brings another store to this state: one commit after the other.

    A document that could not be made anew keeps its content, which is written before the note that it failed.
    """
    if content.document is None:
        return [Change(state)]
    records = tuple(
        Record(chunk, vector, tuple(analyzer.terms(chunk.search_text)), reading)
        for chunk, vector, reading in zip(content.chunks, content.vectors, content.readings, strict=True)
    )
    if state.state == "committed":
        return [Change(state, document=content.document, records=records)]
    kept = replace(
        state, state="committed", stage=None, reason=None, content_hash=content_hash(content.document)
    )
    return [Change(kept, document=content.document, records=records), Change(state)]


def n_chunks_of(changes: Iterable[Change]) -> int:
    """How many chunks changes hold."""
    return sum(len(change.records) for change in changes)
