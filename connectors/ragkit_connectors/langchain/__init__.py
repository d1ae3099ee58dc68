"""LangChain and ragkit, each in the other; see docs/guide/langchain.md.

    from ragkit_connectors.langchain import RagkitRetriever, RagkitRunnable  # ragkit in an app of LangChain
    from ragkit_connectors.langchain import offer                            # LangChain in a rag.yaml

Nothing of LangChain is imported before one of these names is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragkit_connectors.bridge.lazy import lazy
from ragkit_connectors.langchain.offering import offer

if TYPE_CHECKING:
    from ragkit_connectors.langchain.chat import LangChainChat
    from ragkit_connectors.langchain.check import RagkitCitationCheck
    from ragkit_connectors.langchain.compressors import RagkitCompressor, RagkitReranker
    from ragkit_connectors.langchain.embeddings import LangChainEmbedder
    from ragkit_connectors.langchain.loader import LangChainLoader
    from ragkit_connectors.langchain.retrieve import LangChainRetrieve
    from ragkit_connectors.langchain.retriever import RagkitRetriever
    from ragkit_connectors.langchain.runnable import RagkitRunnable
    from ragkit_connectors.langchain.splitter import LangChainChunker

__all__ = [
    "LangChainChat",
    "LangChainChunker",
    "LangChainEmbedder",
    "LangChainLoader",
    "LangChainRetrieve",
    "RagkitCitationCheck",
    "RagkitCompressor",
    "RagkitReranker",
    "RagkitRetriever",
    "RagkitRunnable",
    "offer",
]

__getattr__ = lazy(
    __name__,
    {
        "LangChainChat": "chat",
        "LangChainChunker": "splitter",
        "LangChainEmbedder": "embeddings",
        "LangChainLoader": "loader",
        "LangChainRetrieve": "retrieve",
        "RagkitCitationCheck": "check",
        "RagkitCompressor": "compressors",
        "RagkitReranker": "compressors",
        "RagkitRetriever": "retriever",
        "RagkitRunnable": "runnable",
    },
    needs="langchain_core",
    extra="langchain",
)
