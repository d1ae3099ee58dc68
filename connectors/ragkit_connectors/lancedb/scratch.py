"""A folder for a while, and what the engine says it is."""

from __future__ import annotations

import importlib.metadata
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ragkit.store.abilities import Engine
from ragkit_connectors.lancedb.settings import LanceSettings

T = TypeVar("T")


@contextmanager
def scratch_place(settings: LanceSettings, name: str, make: Callable[[LanceSettings], T]) -> Iterator[T]:
    """What `make` gives for a folder beside the index that nobody else knows of; it is removed at the end."""
    folder = Path(str(settings.path)).absolute().with_name(f"{name[:60]}_{uuid.uuid4().hex[:12]}")
    try:
        yield make(settings.model_copy(update={"path": folder}))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def engine_of() -> Engine:
    """LanceDB, which runs within the process."""
    return Engine("LanceDB", version=importlib.metadata.version("lancedb"))
