"""What an index holds, what it was made with, and what could not be ingested."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ragkit.fields import TENANT
from ragkit.protocols import DocumentState, PassageReader
from ragkit.store.abilities import CollectingStore, Holdings
from ragkit.store.collection import StoreCollection
from ragkit.store.rereading import n_unread

_TOLD_OTHERWISE = frozenset({"quarantined", "holdings", "unread_chunks"})


@dataclass(frozen=True, slots=True)
class Status:
    """The state of an index at its current commit.

    `quarantined` names each document and why; `holdings` says what is kept beside the current commit, and
    `unread_chunks` of how many passages nothing is kept that the graph's reranker read in them, where the
    store can tell.
    """

    documents: int
    chunks: int
    tenants: int
    store: str
    embedder: str
    format_version: int
    commit: int
    quarantined: tuple[DocumentState, ...]
    holdings: Holdings | None = None
    unread_chunks: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The machine form; its keys are a contract."""
        return {
            **{key: value for key, value in asdict(self).items() if key not in _TOLD_OTHERWISE},
            "quarantined": len(self.quarantined),
            "quarantined_documents": [
                {"document_id": s.document_id, "uri": s.uri, "stage": s.stage, "reason": s.reason}
                for s in self.quarantined
            ],
            **({} if self.holdings is None else self._kept(self.holdings)),
            **({} if self.unread_chunks is None else {"unread_chunks": self.unread_chunks}),
        }

    def _kept(self, holdings: Holdings) -> dict[str, Any]:
        return {
            "generation": holdings.generation,
            "kept_from_commit": holdings.kept_from,
            "replaced_chunks": holdings.n_ended,
            "to_erase": holdings.to_erase,
            "erases_files": holdings.erases_files,
            "bytes": holdings.n_bytes,
        }


def status_of(collection: StoreCollection, reader: PassageReader | None = None) -> Status:
    """The status of a collection, whose passages the graph's `reader` may have read at ingestion."""
    counts, store = collection.counts(), collection.store
    return Status(
        documents=counts.documents,
        chunks=counts.chunks,
        tenants=counts.tenants if TENANT in collection.fields else 0,
        store=collection.store_name,
        embedder=collection.embedder.name,
        format_version=collection.format_version,
        commit=collection.head(),
        quarantined=tuple(collection.quarantined()),
        holdings=store.holdings() if isinstance(store, CollectingStore) else None,
        unread_chunks=n_unread(collection, reader),
    )
