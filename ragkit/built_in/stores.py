"""Stores, and the indexes that lie in the embedded one."""

from __future__ import annotations

from ragkit.built_in.component import Component, table

STORES: dict[str, Component] = table(
    ("store/local", "ragkit.store.local.store:LocalStore", "one folder, no server"),
    (
        "store/pgvector",
        "ragkit_connectors.pgvector:PgvectorStore",
        "a PostgreSQL database with pgvector",
        "pgvector",
        "psycopg",
    ),
    (
        "store/qdrant",
        "ragkit_connectors.qdrant:QdrantStore",
        "two collections of a Qdrant server, or of its engine within the process",
        "qdrant|qdrant-edge",
        "qdrant_client|qdrant_edge",
    ),
    (
        "store/opensearch",
        "ragkit_connectors.opensearch:OpenSearchStore",
        "two indexes of an OpenSearch cluster",
        "opensearch",
        "opensearchpy",
    ),
    (
        "store/weaviate",
        "ragkit_connectors.weaviate:WeaviateStore",
        "collections of a Weaviate server",
        "weaviate",
        "httpx",
    ),
    (
        "store/pinecone",
        "ragkit_connectors.pinecone:PineconeStore",
        "namespaces of a Pinecone index",
        "pinecone",
        "httpx",
    ),
    (
        "store/milvus",
        "ragkit_connectors.milvus:MilvusStore",
        "collections of Milvus Lite or of a Milvus server",
        "milvus",
        "pymilvus",
    ),
    (
        "store/lancedb",
        "ragkit_connectors.lancedb:LanceStore",
        "one folder, searched by LanceDB, no server",
        "lancedb",
        "lancedb",
    ),
    ("bm25/default", "ragkit.store.bm25.search:DefaultBm25", "our own index: exact, tenant-aware, fast"),
    ("index/exact", "ragkit.store.local.exact:ExactIndex", "compare with every vector"),
    ("index/faiss", "ragkit_connectors.faiss:FaissIndex", "FAISS, on CPUs or GPUs", "faiss-cpu", "faiss"),
    (
        "bm25/rank-bm25",
        "ragkit_connectors.rank_bm25:RankBm25",
        "the formulas of rank_bm25, for comparison",
        "rank-bm25",
        "rank_bm25",
    ),
)
