"""The module `faiss`, imported when an index is first used."""

from __future__ import annotations

from typing import Any


def faiss() -> Any:
    """FAISS as it is installed. Its type stubs lack selectors, search parameters and all of the GPU."""
    import faiss as module

    return module
