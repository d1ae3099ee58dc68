"""The passages of a collection, document by document, as the questions of a training point at them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ragkit.errors import ConfigError
from ragkit.protocols import DocumentState
from ragkit.store.collection import StoreCollection
from ragkit.store.identity import chunk_id
from ragkit.types import Chunk, Document, Span

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reader:
    """On whose behalf a collection is read: nothing that this reader may not see becomes training data."""

    tenant: str | None = None
    acl: tuple[str, ...] | None = None
    filter: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)

    def as_arguments(self) -> dict[str, Any]:
        """As `RAG.retrieve` takes them."""
        return {"tenant": self.tenant, "acl": self.acl, "filter": dict(self.filter) or None}


class Passages:
    """The documents of a collection that a reader may see, and the passages of each; read when asked for.

    Args:
        collection: opened.
        reader: who reads.

    Raises:
        ConfigError: there are fewer than two documents, so that no passage could be told from another's.
        TenantError: the collection requires a tenant and none is given.

    Example:
        passages = Passages(rag_collection, Reader())
        passages.of(passages.documents[0])[0].text
    """

    def __init__(self, collection: StoreCollection, reader: Reader) -> None:
        self.collection = collection
        self.reader = reader
        self._plan = collection.plan("training", **reader.as_arguments())
        states = collection.states_of(reader.tenant)
        self._states = {s.document_id: s for s in states if s.state == "committed" and s.n_chunks}
        self._by_uri = {state.uri: id_ for id_, state in self._states.items() if state.uri}
        self._chunks: dict[str, tuple[Chunk, ...]] = {}
        if len(self._states) < 2:
            raise ConfigError(
                f"the index holds {len(self._states)} documents: a reranker learns to tell passages of one "
                "document from those of others. Ingest more: ragkit ingest docs/"
            )

    @property
    def documents(self) -> Sequence[str]:
        """The ids of all documents, sorted."""
        return sorted(self._states)

    def document_id(self, name: str) -> str | None:
        """The id of the document with this id or this uri; None where there is none."""
        return name if name in self._states else self._by_uri.get(name)

    def of(self, document_id: str) -> tuple[Chunk, ...]:
        """The passages of a document in reading order; none where the reader may not see it."""
        if document_id not in self._chunks:
            ids = _chunk_ids(self._states[document_id])
            found = self.collection.fetch(ids, self._plan)
            self._chunks[document_id] = tuple(chunk for chunk in found if chunk is not None)
        return self._chunks[document_id]

    def source(self, document_id: str) -> Document:
        """The document with its canonical text."""
        return self.collection.source(document_id, tenant=self.reader.tenant, acl=self.reader.acl)

    def at(self, document_id: str, span: Span) -> Chunk | None:
        """The passage that holds the most of `span`, the first of several; None where none holds any."""
        best, most = None, 0
        for chunk in self.of(document_id):
            shared = min(span.end, chunk.span.end) - max(span.start, chunk.span.start)
            if shared > most:
                best, most = chunk, shared
        return best

    def readings(self, chunks: Sequence[Chunk]) -> list[bytes | None]:
        """What a reranker read in passages when they were ingested; None where nothing is kept."""
        return self.collection.readings([chunk.id for chunk in chunks], self._plan)

    def weights(self, terms: Sequence[str]) -> Mapping[str, float]:
        """Each term's idf among the passages."""
        return self.collection.term_weights(terms, self._plan)


def _chunk_ids(state: DocumentState) -> list[str]:
    names = (state.tenant, state.document_id, state.content_hash, state.fingerprint)
    return [chunk_id(*names, ordinal) for ordinal in range(state.n_chunks)]
