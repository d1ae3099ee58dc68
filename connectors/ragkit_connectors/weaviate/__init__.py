"""`store/weaviate`: an index in collections of a Weaviate server, for many processes and machines at once."""

from __future__ import annotations

from ragkit_connectors.weaviate.store import WeaviateStore

__all__ = ["WeaviateStore"]
