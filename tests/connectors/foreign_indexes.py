"""Indexes of the handbook made by other libraries themselves, with the vectors of the bundled embedder.

`python tests/connectors/foreign_indexes.py` makes those of tests/golden/imports anew.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ragkit.models.embedder import OnnxEmbedder

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "imports"
CORPUS = ROOT / "examples" / "corpus"
FILES = ("en/policies/warranty.md", "en/policies/support.md", "ru/policies/warranty.md")
QUESTIONS = ("How long is the warranty?", "Сколько длится ремонт по гарантии?", "What does support cost?")
SIZE, OVERLAP = 500, 80

os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")


def texts() -> dict[str, str]:
    """The handbook's files that are indexed, by the path that the indexes say."""
    return {name: (CORPUS / name).read_text(encoding="utf-8") for name in FILES}


def embed(found: Sequence[str]) -> list[list[float]]:
    """The vectors of the bundled embedder."""
    made: list[list[float]] = np.asarray(_embedder().embed(list(found), "passage"), np.float64).tolist()
    return made


@cache
def _embedder() -> OnnxEmbedder:
    return OnnxEmbedder()


def langchain_faiss(folder: Path, *, export: bool = True) -> Callable[[str, int], list[str]]:
    """A FAISS folder of LangChain. Gives what searches it: a question and how many → ids of passages."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from langchain_community.vectorstores import FAISS
        from langchain_core.documents import Document
        from langchain_core.embeddings import Embeddings
        from langchain_text_splitters import RecursiveCharacterTextSplitter

    class Own(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return embed(texts)

        def embed_query(self, text: str) -> list[float]:
            return embed([text])[0]

    splitter = RecursiveCharacterTextSplitter(
        chunk_size=SIZE, chunk_overlap=OVERLAP, add_start_index=True, strip_whitespace=True
    )
    documents = [
        Document(page_content=text, metadata={"source": name, "loc": {"lang": name[:2]}})
        for name, text in texts().items()
    ]
    chunks = splitter.split_documents(documents)
    index = FAISS.from_documents(chunks, Own(), ids=[f"lc-{n}" for n in range(len(chunks))])
    index.save_local(str(folder))
    if export:
        run_export(folder)
    return lambda question, k: [d.id or "" for d in index.similarity_search(question, k)]


def run_export(folder: Path) -> None:
    """Runs what the error and the guide tell the owner of the index to run."""
    from ragkit.ingest.imports.formats.langchain_faiss import EXPORT

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(EXPORT.format(folder=str(folder)), {})


def llamaindex_storage(folder: Path, *, faiss: bool = False) -> Callable[[str, int], list[str]]:
    """A storage folder of LlamaIndex, with its own vector store or with FAISS."""
    from llama_index.core import Document, StorageContext, VectorStoreIndex
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.node_parser import SentenceSplitter

    class Own(BaseEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            return embed([text])[0]

        def _get_query_embedding(self, query: str) -> list[float]:
            return embed([query])[0]

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_query_embedding(query)

    documents = [
        Document(
            text=text, id_=f"doc:{name}", metadata={"file_path": f"/srv/handbook/{name}", "lang": name[:2]}
        )
        for name, text in texts().items()
    ]
    splitter = SentenceSplitter(
        chunk_size=160, chunk_overlap=20, id_func=lambda n, d: f"{d.node_id.removeprefix('doc:')}-{n}"
    )
    context = StorageContext.from_defaults()
    if faiss:
        import faiss as engine
        from llama_index.vector_stores.faiss import FaissVectorStore

        context = StorageContext.from_defaults(
            vector_store=FaissVectorStore(faiss_index=engine.IndexFlatIP(384))
        )
    index = VectorStoreIndex.from_documents(
        documents, embed_model=Own(), transformations=[splitter], storage_context=context
    )
    index.storage_context.persist(str(folder))
    return lambda question, k: [
        found.node.node_id for found in index.as_retriever(similarity_top_k=k).retrieve(question)
    ]


def haystack_store(folder: Path) -> Callable[[str, int], list[str]]:
    """A document store of Haystack, in `store.json`."""
    from dataclasses import replace

    from haystack import Document
    from haystack.components.preprocessors import DocumentSplitter
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    store = InMemoryDocumentStore(embedding_similarity_function="cosine", index="handbook")
    splitter = DocumentSplitter(split_by="word", split_length=70, split_overlap=10)
    found = splitter.run(
        documents=[
            Document(content=text, meta={"file_path": name, "lang": name[:2]})
            for name, text in texts().items()
        ]
    )["documents"]
    vectors = embed([d.content or "" for d in found])
    store.write_documents([replace(d, embedding=v) for d, v in zip(found, vectors, strict=True)])
    folder.mkdir(parents=True, exist_ok=True)
    store.save_to_disk(str(folder / "store.json"))
    return lambda question, k: [d.id for d in store.embedding_retrieval(embed([question])[0], top_k=k)]


def chroma_folder(folder: Path) -> Callable[[str, int], list[str]]:
    """A folder of Chroma, with two collections."""
    import chromadb
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    client = chromadb.PersistentClient(str(folder), settings=chromadb.Settings(anonymized_telemetry=False))
    splitter = RecursiveCharacterTextSplitter(chunk_size=SIZE, chunk_overlap=OVERLAP)
    found = [(name, part) for name, text in texts().items() for part in splitter.split_text(text)]
    collection = client.create_collection(
        "handbook", metadata={"hnsw:space": "cosine"}, embedding_function=None
    )
    collection.add(
        ids=[f"c{n}" for n in range(len(found))],
        documents=[part for _, part in found],
        embeddings=embed([part for _, part in found]),
        metadatas=[{"source": name, "lang": name[:2], "n": n} for n, (name, _) in enumerate(found)],
    )
    client.create_collection("empty", embedding_function=None)

    def search(question: str, k: int) -> list[str]:
        ids: list[str] = collection.query(query_embeddings=embed([question]), n_results=k)["ids"][0]
        return ids

    return search


def plain(folder: Path, rows: Sequence[dict[str, Any]], vectors: Any = None) -> Path:
    """`passages.jsonl` and `vectors.npy`; the vectors are those of the texts where none are given."""
    folder.mkdir(parents=True, exist_ok=True)
    # Escaped, for a test may write what is no text.
    lines = [json.dumps(row) for row in rows]
    (folder / "passages.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = embed([row["text"] for row in rows]) if vectors is None else vectors
    np.save(folder / "vectors.npy", np.asarray(found, np.float32))
    return folder


MAKERS: dict[str, Callable[[Path], Any]] = {
    "langchain-faiss": langchain_faiss,
    "llamaindex-storage": llamaindex_storage,
    "llamaindex-faiss": lambda folder: llamaindex_storage(folder, faiss=True),
    "haystack": haystack_store,
    "chroma": chroma_folder,
}


def main() -> None:
    for name, make in MAKERS.items():
        folder = GOLDEN / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        # Of no use to a reader, and the pickle is what must never be read.
        for unread in (*folder.glob("*graph_store.json"), *folder.glob("image__*"), *folder.glob("*.pkl")):
            unread.unlink()
        sys.stdout.write(
            f"{name}: {sum(f.stat().st_size for f in folder.rglob('*') if f.is_file()):,} bytes\n"
        )


if __name__ == "__main__":
    main()
