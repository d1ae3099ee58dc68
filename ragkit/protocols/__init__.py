"""What a component must offer to take part. Layers above talk to these, never to a class of ours.

Store and model calls are plain functions: the graph's runner puts them on worker threads, ingestion and
16 threads of a server call them directly, and a third party writes one of them in one file.
"""

from __future__ import annotations

from ragkit.chat import ChatModel
from ragkit.fields import FieldSpec, FieldType
from ragkit.protocols.dense_index import DenseIndex, IndexFile, IndexPart, PersistentIndex
from ragkit.protocols.importing import ForeignIndex, ForeignIndexReader, ForeignPassage, Metric
from ragkit.protocols.ingestion import Analyzer, Chunker, Loader
from ragkit.protocols.models import (
    BlendingReranker,
    Embedder,
    PassageReader,
    Reranker,
    TextKind,
    Vectors,
)
from ragkit.protocols.resources import Collection, Resources, Surroundings
from ragkit.protocols.stores import (
    Capabilities,
    Change,
    DocumentState,
    Manifest,
    Record,
    Scope,
    SparseIndex,
    StoreCounts,
    VectorStore,
)
from ragkit.protocols.term_ranking import RankerFactory, RowScores, TermPostings, TermRanker, TermRows

__all__ = [
    "Analyzer",
    "BlendingReranker",
    "Capabilities",
    "Change",
    "ChatModel",
    "Chunker",
    "Collection",
    "DenseIndex",
    "DocumentState",
    "Embedder",
    "FieldSpec",
    "FieldType",
    "ForeignIndex",
    "ForeignIndexReader",
    "ForeignPassage",
    "IndexFile",
    "IndexPart",
    "Loader",
    "Manifest",
    "Metric",
    "PassageReader",
    "PersistentIndex",
    "RankerFactory",
    "Record",
    "Reranker",
    "Resources",
    "RowScores",
    "Scope",
    "SparseIndex",
    "StoreCounts",
    "Surroundings",
    "TermPostings",
    "TermRanker",
    "TermRows",
    "TextKind",
    "VectorStore",
    "Vectors",
]
