"""A folder for a while, beside the one of an index, and what engine works there."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ragkit.errors import StoreError
from ragkit.store.abilities import Engine, NamedEngine
from ragkit.store.local.dense import dense_index, index_name

T = TypeVar("T")


@contextmanager
def scratch_folder(path: Path, name: str, make: Callable[[Path], T]) -> Iterator[T]:
    """What `make` gives for a new folder on the same disk as `path`; the folder is removed at the end.

    Raises:
        StoreError: it cannot be made.
    """
    # The nearest folder that is there: the index itself may never have been made.
    above = next(folder for folder in path.absolute().parents if folder.is_dir())
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=above))
    except OSError as e:
        raise StoreError(f"{above}: no folder can be made here ({e}). Check its permissions") from e
    try:
        yield make(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def engine_of(index: Any) -> Engine:
    """SQLite and the dense index that is configured, with the version of each that has one of its own."""
    made = dense_index(index)
    if isinstance(made, NamedEngine):
        own = made.engine()
        return Engine(f"SQLite + {own.name}", version=f"{sqlite3.sqlite_version} + {own.version}")
    return Engine(f"SQLite + {index_name(index)}", version=sqlite3.sqlite_version)
