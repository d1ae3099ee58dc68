"""`store/lancedb`: an index in one folder, its chunks in a table of LanceDB, without a server."""

from __future__ import annotations

from ragkit_connectors.lancedb.store import LanceStore

__all__ = ["LanceStore"]
