"""`store/milvus`: an index in collections of Milvus Lite or of a Milvus server."""

from __future__ import annotations

from ragkit_connectors.milvus.store import MilvusStore

__all__ = ["MilvusStore"]
