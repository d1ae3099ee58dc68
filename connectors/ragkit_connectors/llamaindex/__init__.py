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
    from ragkit_connectors.llamaindex.chat_engine import RagkitChatEngine
    from ragkit_connectors.llamaindex.check import RagkitCitationCheck
    from ragkit_connectors.llamaindex.embeddings import LlamaIndexEmbedder
    from ragkit_connectors.llamaindex.parser import LlamaIndexChunker
    from ragkit_connectors.llamaindex.postprocessors import RagkitCompressor, RagkitReranker
    from ragkit_connectors.llamaindex.query_engine import RagkitQueryEngine
    from ragkit_connectors.llamaindex.reader import LlamaIndexLoader
    from ragkit_connectors.llamaindex.retrieve import LlamaIndexRetrieve
    from ragkit_connectors.llamaindex.retriever import RagkitRetriever

__all__ = [
    "LlamaIndexChat",
    "LlamaIndexChunker",
    "LlamaIndexEmbedder",
    "LlamaIndexLoader",
    "LlamaIndexRetrieve",
    "RagkitChatEngine",
    "RagkitCitationCheck",
    "RagkitCompressor",
    "RagkitQueryEngine",
    "RagkitReranker",
    "RagkitRetriever",
    "offer",
]

__getattr__ = lazy(
    __name__,
    {
        "LlamaIndexChat": "chat",
        "LlamaIndexChunker": "parser",
        "LlamaIndexEmbedder": "embeddings",
        "LlamaIndexLoader": "reader",
        "LlamaIndexRetrieve": "retrieve",
        "RagkitChatEngine": "chat_engine",
        "RagkitCitationCheck": "check",
        "RagkitCompressor": "postprocessors",
        "RagkitQueryEngine": "query_engine",
        "RagkitReranker": "postprocessors",
        "RagkitRetriever": "retriever",
    },
    needs="llama_index",
    extra="llamaindex",
)
