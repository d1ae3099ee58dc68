"""LlamaIndex and ragkit, each in the other; see docs/guide/llamaindex.md.

    from ragkit_connectors.llamaindex import RagkitQueryEngine  # ragkit in an app of LlamaIndex
    from ragkit_connectors.llamaindex import offer              # LlamaIndex in a rag.yaml

Nothing of LlamaIndex is imported before one of these names is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragkit_connectors.bridge.lazy import lazy
from ragkit_connectors.llamaindex.offering import offer

if TYPE_CHECKING:
    from ragkit_connectors.llamaindex.chat import LlamaIndexChat
    from ragkit_connectors.llamaindex.query_engine import RagkitQueryEngine
    from ragkit_connectors.llamaindex.retriever import RagkitRetriever

__all__ = [
    "LlamaIndexChat",
    "RagkitQueryEngine",
    "RagkitRetriever",
    "offer",
]

__getattr__ = lazy(
    __name__,
    {
        "LlamaIndexChat": "chat",
        "RagkitQueryEngine": "query_engine",
        "RagkitRetriever": "retriever",
    },
    needs="llama_index",
    extra="llamaindex",
)
