"""Removes documents for good: from every answer at once, and from every file."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from ragkit.errors import ConfigError, QueryError, StoreError, TenantError, TransientStoreError
from ragkit.fields import TENANT, shown
from ragkit.protocols import Change, DocumentState, VectorStore
from ragkit.store.abilities import CollectingStore, Compaction, PreparingStore
from ragkit.store.collection import StoreCollection

# A smaller index is not worth writing anew, and one that is mostly alive is not either: with this, a chunk is
# copied at most once for each one that was replaced.
_WORTH_COMPACTING = 1_000
_LONGEST_WAIT_S = 86_400


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What `forget` removed.

    Args:
        documents: the ids of the documents that were removed, in order.
        chunks: how many chunks they had.
        unknown: what was named and is not there.
        erased: whether no byte of them is left in the index's files. Where a reader of an older commit was in
            the way, the next compaction or ingestion ends the work.
        notes: stores under `dual_write` that could not be reached, and hold the documents still.

    >>> Forgotten(("a.md",), chunks=3, unknown=(), erased=True).as_json()["forgotten"]
    ['a.md']
    """

    documents: tuple[str, ...]
    chunks: int = field(kw_only=True)
    unknown: tuple[str, ...] = field(kw_only=True)
    erased: bool = field(kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    def as_json(self) -> dict[str, Any]:
        """The machine form."""
        return {
            "forgotten": list(self.documents),
            "chunks": self.chunks,
            "unknown": list(self.unknown),
            "erased": self.erased,
            "notes": list(self.notes),
        }


def forget(
    collection: StoreCollection,
    documents: str | Sequence[str] | None,
    *,
    tenant: str | None = None,
    wait_s: float = 30.0,
) -> Forgotten:
    """Removes documents, or all of a tenant's.

    Args:
        documents: ids, or uris as citations show them, of which all documents are meant that came from
            there; None for all of `tenant`.
        tenant: whose they are, where the collection declares `tenant`.
        wait_s: how long to wait for readers of older commits before the bytes are left to a later compaction.

    Raises:
        QueryError: neither documents nor a tenant are named, or `wait_s` is no number of seconds.
        TenantError: a tenant is required and missing, malformed, or not declared.
        StoreError: another process is writing, or the store cannot forget.
    """
    named = (documents,) if isinstance(documents, str) else documents
    if named is not None and not _are_names(named):
        raise QueryError(
            f"documents={shown(documents)}: expected ids or uris of documents; None for all documents of a "
            "tenant"
        )
    if named is None and tenant is None:
        raise QueryError(
            "nothing is named to be forgotten: name documents, by id or uri, or a tenant. To forget a whole "
            "index, delete its folder"
        )
    if named is None and TENANT not in collection.fields:
        raise TenantError(f"tenant={shown(tenant)}: this collection declares no tenants. Name documents")
    _check_wait(wait_s)
    done = _forget(collection, named, tenant, wait_s)
    followers = collection.followers
    if followers is None:
        return done
    for name in followers.names:
        try:
            done = _both(done, _forget(followers.collection(name), named, tenant, wait_s))
        except (StoreError, ConfigError) as e:
            note = f"store {name!r} still holds what it held of this: {e}. Forget it again when mended"
            done = replace(done, erased=False, notes=(*done.notes, note))
    return done


def _forget(
    collection: StoreCollection, named: Sequence[str] | None, tenant: str | None, wait_s: float
) -> Forgotten:
    store = _collecting(collection)
    with collection.writing():
        if named is None:
            chosen, unknown = list(collection.states_of(tenant)), list[str]()
        else:
            chosen, unknown = _chosen(collection, named, tenant)
        try:
            changes = [Change(removed(state)) for state in chosen]
            erased = store.erase(changes, wait_s=wait_s).erased if changes else not store.holdings().to_erase
        finally:
            collection.drop_caches()
    return Forgotten(
        tuple(state.document_id for state in chosen),
        chunks=sum(state.n_chunks for state in chosen),
        unknown=tuple(unknown),
        erased=erased,
    )


def _both(first: Forgotten, second: Forgotten) -> Forgotten:
    """What two stores of one collection forgot, a document that both held counted once."""
    documents = tuple(dict.fromkeys((*first.documents, *second.documents)))
    return replace(
        first,
        documents=documents,
        chunks=max(first.chunks, second.chunks),
        unknown=tuple(name for name in first.unknown if name in second.unknown),
        erased=first.erased and second.erased,
    )


def compact(collection: StoreCollection, *, wait_s: float = 0.0) -> Compaction:
    """Takes out of all files what was replaced or removed and no reader sees any more.

    Raises:
        QueryError: `wait_s` is no number of seconds.
        StoreError: another process is writing, or the store has no means to do so.
    """
    _check_wait(wait_s)
    return _collecting(collection).compact(wait_s=wait_s)


def tidy(collection: StoreCollection) -> str | None:
    """Compacts where it pays, or where an erasure was not ended; why it could not, where that matters.

    Then what takes long to build is built, so that it need not be when the index is opened. What cannot be
    done now is left to the next time: nothing is lost by it, and no ingestion fails for it.
    """
    store = collection.store
    note = _compacted(store)
    if isinstance(store, PreparingStore):
        try:
            store.prepare()
        except StoreError as e:
            if not isinstance(e, TransientStoreError):
                note = note or f"the index cannot be searched as it is: {e}"
    return note


def _compacted(store: VectorStore) -> str | None:
    if not isinstance(store, CollectingStore):
        return None
    held = store.holdings()
    pays = held.n_ended > max(_WORTH_COMPACTING, held.n_chunks // 2)
    if not pays and not held.to_erase:
        return None
    try:
        done = store.compact()
    except StoreError as e:
        if isinstance(e, TransientStoreError) and not held.to_erase:
            return None
        return f"what was replaced or forgotten is still in the index's files: {e}"
    if held.to_erase and not done.erased:
        return "what was forgotten is still in the index's files, as somebody reads it. Run: ragkit compact"
    return None


def _check_wait(wait_s: object) -> None:
    is_number = isinstance(wait_s, int | float) and not isinstance(wait_s, bool)
    if not is_number or not 0 <= wait_s <= _LONGEST_WAIT_S:  # type: ignore[operator]
        raise QueryError(f"wait_s={shown(wait_s)}: expected seconds, from 0 to {_LONGEST_WAIT_S:,}")


def _are_names(named: object) -> bool:
    # Not an iterator: it would be read by this, and nothing be left to be forgotten.
    is_list = isinstance(named, Sequence | Set) and len(named) > 0
    return is_list and all(isinstance(name, str) and name for name in named)  # type: ignore[attr-defined]


def _chosen(
    collection: StoreCollection, named: Sequence[str], tenant: str | None
) -> tuple[list[DocumentState], list[str]]:
    """All documents that have one of these names as id or as uri, each once, and the names that none has."""
    chosen: dict[str, DocumentState] = {}
    unknown = []
    for name in named:
        found = list(collection.states_named(name, tenant=tenant))
        chosen.update({state.document_id: state for state in found})
        if not found:
            unknown.append(name)
    return list(chosen.values()), unknown


def removed(state: DocumentState) -> DocumentState:
    """The state that takes a document out of a store."""
    return DocumentState(
        state.document_id, tenant=state.tenant, uri=None, content_hash="", fingerprint="", state="committed"
    )


def _collecting(collection: StoreCollection) -> CollectingStore:
    store = collection.store
    if not isinstance(store, CollectingStore):
        raise StoreError(
            f"{collection.store_name} cannot be compacted from here. Use the tools of its server"
        )
    return store
