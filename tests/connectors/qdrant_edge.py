"""Empty stores in Qdrant's engine within the process: to make one takes seconds, to empty one nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ragkit.errors import StoreError
from ragkit.store.remote.conditions import equals, none_of
from ragkit.store.remote.head import first_point
from ragkit.store_spec import StoreSpec
from ragkit_connectors.qdrant import QdrantStore, edge
from ragkit_connectors.qdrant.edge import ByEngine

_EVERYTHING = none_of(equals("kind", "nothing"))
_MEMORY = Path("/dev/shm")  # where the engine's many small waits for a disk cost nothing
_HOME = tempfile.TemporaryDirectory(prefix="qdrant-edge-", dir=_MEMORY if _MEMORY.is_dir() else None)
_free: dict[tuple[int, int], list[ByEngine]] = {}  # by dimension, and from where on there are indexes


def new_folder() -> Path:
    """An empty folder, for the time of the tests."""
    return Path(tempfile.mkdtemp(dir=_HOME.name))


class _Lent:
    """An engine that stays open when the store that has it is closed."""

    def __init__(self, engine: ByEngine) -> None:
        self._engine: ByEngine | None = engine

    def __getattr__(self, name: str) -> Any:
        if self._engine is None:
            raise StoreError("this store was closed. Open another one")
        return getattr(self._engine, name)

    def close(self) -> None:
        """Lets go of it."""
        self._engine = None


class LentStore(QdrantStore):
    """A store with `engine: edge` whose engine is there already."""

    def lend(self, engine: ByEngine) -> LentStore:
        """Takes an engine."""
        self.lent = engine
        return self

    def _qdrant(self) -> Any:
        return _Lent(self.lent)


def empty_store(spec: StoreSpec) -> LentStore:
    """A store of a dimension with nothing in it."""
    free = _free.setdefault((spec.dimension, edge.INDEXED_FROM), [])
    if not free:
        store = LentStore(engine="edge", path=new_folder())
        return store.lend(ByEngine(store.config)).open(spec)
    engine = free.pop()
    store = LentStore(**engine.settings.as_keywords())
    for name in (store.config.collection, store.config.meta):
        engine.delete(name, _EVERYTHING)
    engine.put(store.config.meta, [first_point(spec)])
    return store.lend(engine).open(spec)


def give_back(store: LentStore) -> None:
    """Lets the next store have what this one lies in."""
    _free[store.spec.dimension, edge.INDEXED_FROM].append(store.lent)
