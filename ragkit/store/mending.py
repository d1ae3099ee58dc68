"""Checks and mends the index behind a collection, where its store can."""

from __future__ import annotations

from dataclasses import dataclass

from ragkit.errors import StoreError
from ragkit.protocols import PassageReader
from ragkit.store.abilities import MendableStore
from ragkit.store.collection import StoreCollection
from ragkit.store.rereading import reread


@dataclass(frozen=True, slots=True)
class Repair:
    """What `repair` mended, and the problems that are left, one line each.

    >>> Repair((), ()).ok
    True
    """

    repaired: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the index is sound now."""
        return not self.problems


def verify(collection: StoreCollection) -> list[str]:
    """One line per problem of the index, with its remedy; none if it is sound.

    Raises:
        StoreError: the store has no means to tell.
    """
    return _mendable(collection).verify()


def repair(collection: StoreCollection, reader: PassageReader | None = None) -> Repair:
    """Makes anew what is derived from the texts, then verifies.

    Args:
        collection: whose index it is.
        reader: the graph's reranker; what it lacks of the passages is read, where all else is sound.

    Raises:
        StoreError: the store has no means to do so, another process is writing, or it cannot be written to.
        ModelError: vectors are damaged, and the embedder fails.
    """
    store = _mendable(collection)
    repaired = store.repair(lambda texts: collection.embedder.embed(texts, "passage"))
    problems = store.verify()
    n_read = 0 if problems else reread(collection, reader)
    if n_read:
        repaired.append(f"{n_read:,} passages read anew for {reader.name if reader else 'the reranker'}")
    return Repair(tuple(repaired), tuple(problems))


def _mendable(collection: StoreCollection) -> MendableStore:
    store = collection.store
    if not isinstance(store, MendableStore):
        raise StoreError(
            f"{collection.store_name} cannot be verified or repaired from here. Use the tools of its server"
        )
    return store
