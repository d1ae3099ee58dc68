"""What loads, chunks and takes over documents."""

from __future__ import annotations

from ragkit.built_in.component import LANGCHAIN, LLAMAINDEX, Component, table

INGESTION: dict[str, Component] = table(
    # ingestion
    (
        "chunk/recursive",
        "ragkit.ingest.chunk.recursive:RecursiveChunker",
        "sections, blocks, sentences, words",
    ),
    (
        "chunk/langchain",
        "ragkit_connectors.langchain.splitter:LangChainChunker",
        "any text splitter of LangChain that only cuts",
        *LANGCHAIN,
    ),
    (
        "chunk/llamaindex",
        "ragkit_connectors.llamaindex.parser:LlamaIndexChunker",
        "any node parser of LlamaIndex that only cuts",
        *LLAMAINDEX,
    ),
    (
        "load/langchain",
        "ragkit_connectors.langchain.loader:LangChainLoader",
        "any document loader of LangChain",
        *LANGCHAIN,
    ),
    (
        "load/llamaindex",
        "ragkit_connectors.llamaindex.reader:LlamaIndexLoader",
        "any reader of LlamaIndex",
        *LLAMAINDEX,
    ),
    # indexes of other libraries
    (
        "import/jsonl",
        "ragkit.ingest.imports.formats.jsonl:JsonlIndex",
        "passages as JSON lines, vectors as .npy",
    ),
    (
        "import/langchain-faiss",
        "ragkit.ingest.imports.formats.langchain_faiss:LangChainFaiss",
        "a FAISS folder of LangChain, after an export of its texts",
    ),
    (
        "import/llamaindex-storage",
        "ragkit.ingest.imports.formats.llamaindex:LlamaIndexStorage",
        "a storage folder of LlamaIndex",
    ),
    (
        "import/haystack",
        "ragkit.ingest.imports.formats.haystack:HaystackStore",
        "an InMemoryDocumentStore of Haystack",
    ),
    ("import/chroma", "ragkit_connectors.chroma:ChromaFolder", "a folder of Chroma", "chroma", "chromadb"),
)
