"""The classes of checks that a store's abilities claim, ready to run on any store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ragkit.filters import Filter
from ragkit.protocols import Scope, SparseIndex, VectorStore
from ragkit.store.abilities import CollectingStore, HoldingStore
from ragkit.store_spec import StoreSpec
from ragkit.testing.collecting import CollectingStoreChecks
from ragkit.testing.data import put, unit
from ragkit.testing.filters import FilterChecks
from ragkit.testing.stores import SparseIndexChecks, VectorStoreChecks, spec_of

_UP = unit([1, 0])


class Made:
    """Gives a class of checks its stores."""

    def __init__(self, make_store: Callable[[StoreSpec], VectorStore]) -> None:
        self.make_store = make_store  # type: ignore[method-assign, unused-ignore]


class VectorsOfStore(Made, VectorStoreChecks):
    """Search, commits, scopes."""


class TermsOfStore(Made, SparseIndexChecks):
    """BM25."""


class UpkeepOfStore(Made, CollectingStoreChecks):
    """Holding, compacting and erasing."""


class FiltersOfStore(Made, FilterChecks):
    """Every rule of the filter language, as the store evaluates it; one store is used for all of them."""

    _store: VectorStore | None = None

    def holds(self, wanted: Filter, metadata: Mapping[str, Any]) -> bool:
        """Whether a search finds the one document that has this metadata."""
        if self._store is None:
            self._store = self.make_store(spec_of())
        self._store.commit([put("d", [("one", _UP)], metadata=metadata)])
        return len(self._store.search(_UP[None], 1, Scope(filter=wanted))[0]) == 1


def claimed(opened: object) -> dict[type[Made], str | None]:
    """The classes in the order they run, each with the reason why it does not apply, or None.

    >>> list(claimed(object()).values())[0] is None
    True
    """
    is_collecting = isinstance(opened, CollectingStore) and isinstance(opened, HoldingStore)
    return {
        VectorsOfStore: None,
        FiltersOfStore: None,
        TermsOfStore: None if isinstance(opened, SparseIndex) else "it has no search_terms (SparseIndex)",
        UpkeepOfStore: None if is_collecting else "it is not both a HoldingStore and a CollectingStore",
    }


def n_checks(checks: type) -> int:
    """How many checks a class has."""
    return sum(name.startswith("test_") for name in dir(checks))


def name_of(checks: type) -> str:
    """The name of the class as third parties inherit it."""
    return next(base.__name__ for base in checks.__mro__ if base.__name__.endswith("Checks"))
