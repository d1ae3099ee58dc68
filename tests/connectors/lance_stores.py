"""Stores for the tests of LanceDB, each in a folder of its own."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ragkit.store_spec import StoreSpec
from ragkit_connectors.lancedb import LanceStore


class Stores:
    """Makes stores, and removes those folders that it made."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="ragkit-lance-"))
        self._opened: list[LanceStore] = []

    def unopened(self, kind: type[LanceStore] = LanceStore, **settings: Any) -> LanceStore:
        """A store for a folder that is not there yet, unless the settings name one."""
        given = {"path": self._folder / f"index-{len(self._opened)}", **settings}
        self._opened.append(store := kind(**given))
        return store

    def make(self, spec: StoreSpec, kind: type[LanceStore] = LanceStore, **settings: Any) -> LanceStore:
        """An opened store."""
        store = self.unopened(kind, **settings)
        store.open(spec)
        return store

    def close(self) -> None:
        """Closes all."""
        for store in self._opened:
            with contextlib.suppress(Exception):
                store.close()
        shutil.rmtree(self._folder, ignore_errors=True)
