"""What the other stores of a collection, which are written to as well, must offer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ragkit.protocols import Change

if TYPE_CHECKING:
    from ragkit.store.collection import StoreCollection


class Followers(Protocol):
    """Other stores of a collection, which are kept the same; `ragkit.store.in_step.InStep` is one."""

    @property
    def names(self) -> tuple[str, ...]:
        """The stores, as the configuration names them."""
        ...

    def commit(self, changes: Sequence[Change]) -> None:
        """Writes to every store what the first one has just committed; a store that fails is behind."""
        ...

    def level(self, source: StoreCollection) -> tuple[str, ...]:
        """Brings every store to what the first one holds; gives a note for each that is not the same then."""
        ...

    def collection(self, name: str) -> StoreCollection:
        """The collection in one of the stores."""
        ...

    def close(self) -> None:
        """Releases the stores."""
        ...
