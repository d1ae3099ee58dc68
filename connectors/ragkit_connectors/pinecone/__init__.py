"""`store/pinecone`: an index in namespaces of a Pinecone index, for many processes and machines at once."""

from __future__ import annotations

from ragkit_connectors.pinecone.store import PineconeStore

__all__ = ["PineconeStore"]
