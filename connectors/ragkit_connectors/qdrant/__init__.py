"""`store/qdrant`: an index in two collections of a Qdrant server, for many processes and machines at once."""

from __future__ import annotations

from ragkit_connectors.qdrant.store import QdrantStore

__all__ = ["QdrantStore"]
