"""Haystack: a pipeline of the in-memory BM25 and embedding retrievers and DocumentJoiner.

https://haystack.deepset.ai/tutorials/33_hybrid_retrieval
https://docs.haystack.deepset.ai/docs/documentjoiner

Reciprocal rank fusion is the join mode that the page recommends where scores cannot be compared. No stemming
is offered; the analysis of words is a regular expression, which is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from haystack import Document, Pipeline, component
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
from haystack.document_stores.in_memory import InMemoryDocumentStore

from evals.benchmarks.peers.adapter import DOCUMENTED, Search
from evals.benchmarks.peers.encoder import Encoder
from evals.benchmarks.peers.task import Task

DISTRIBUTION = "haystack-ai"
# Without the vectors of what is found, which are copied from component to component and which nobody reads.
_STORE: dict[str, Any] = {"embedding_similarity_function": "cosine", "return_embedding": False}


@component
class _TextEmbedder:
    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    @component.output_types(embedding=list[float])
    def run(self, text: str) -> dict[str, Any]:
        return {"embedding": self.encoder.question(text).tolist()}


class _Haystack:
    def __init__(self, task: Task, encoder: Encoder, folder: Path) -> None:
        self._task, self._encoder, self._folder = task, encoder, folder

    def ingest(self) -> None:
        self._store = self._filled(InMemoryDocumentStore(**_STORE))
        self._store.save_to_disk(str(self._folder / "store.json"))

    def ways(self) -> Mapping[str, Callable[[], Search]]:
        def plus() -> Search:
            store = InMemoryDocumentStore(**_STORE, bm25_algorithm="BM25Plus")
            return self._search(self._filled(store), "reciprocal_rank_fusion")

        return {
            DOCUMENTED: lambda: self._search(self._store, "reciprocal_rank_fusion"),
            "distribution-based": lambda: self._search(self._store, "distribution_based_rank_fusion"),
            "merge": lambda: self._search(self._store, "merge"),
            "BM25Plus": plus,
        }

    def within(self, shelf: str, k: int) -> Search:
        filters = {"field": "meta.shelf", "operator": "==", "value": shelf}
        return self._search(self._store, "reciprocal_rank_fusion", k=k, filters=filters)

    def close(self) -> None:
        """Holds nothing but memory."""

    def _filled(self, store: InMemoryDocumentStore) -> InMemoryDocumentStore:
        passages = self._task.passages
        rows = self._encoder.passages([passage.text for passage in passages]).tolist()
        store.write_documents(
            [
                Document(id=passage.id, content=passage.text, embedding=row, meta={"shelf": passage.shelf})
                for passage, row in zip(passages, rows, strict=True)
            ]
        )
        return store

    def _search(
        self, store: InMemoryDocumentStore, mode: str, k: int | None = None, filters: Any = None
    ) -> Search:
        k = k or self._task.depth
        pipeline = Pipeline()
        pipeline.add_component("embedder", _TextEmbedder(self._encoder))
        pipeline.add_component(
            "vectors", InMemoryEmbeddingRetriever(document_store=store, top_k=k, filters=filters)
        )
        pipeline.add_component("words", InMemoryBM25Retriever(document_store=store, top_k=k, filters=filters))
        pipeline.add_component("joiner", DocumentJoiner(join_mode=mode, top_k=k))
        pipeline.connect("embedder.embedding", "vectors.query_embedding")
        pipeline.connect("words", "joiner")
        pipeline.connect("vectors", "joiner")

        def search(question: str) -> list[str]:
            found = pipeline.run({"embedder": {"text": question}, "words": {"query": question}})
            return [document.id for document in found["joiner"]["documents"]]

        return search


make = _Haystack
