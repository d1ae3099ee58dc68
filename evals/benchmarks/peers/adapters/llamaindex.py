"""LlamaIndex: QueryFusionRetriever over a vector retriever and BM25Retriever.

https://developers.llamaindex.ai/python/framework/integrations/retrievers/reciprocal_rerank_fusion/
https://developers.llamaindex.ai/python/framework/integrations/retrievers/bm25_retriever/

The page's own values: English stemmer and stop words, reciprocal rank fusion. `num_queries=1` leaves out the
rewriting by a language model, which no library here has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import Stemmer
from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import BaseNode, TextNode
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters
from llama_index.retrievers.bm25 import BM25Retriever
from pydantic import PrivateAttr

from evals.benchmarks.peers.adapter import DOCUMENTED, Search
from evals.benchmarks.peers.encoder import Encoder
from evals.benchmarks.peers.task import Task

DISTRIBUTION = "llama-index-core"
_STEMMERS = {"ru": "russian"}


class _Embedding(BaseEmbedding):
    _encoder: Encoder = PrivateAttr()

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(model_name="all-MiniLM-L6-v2", embed_batch_size=512)
        self._encoder = encoder

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._encoder.passages(texts).tolist()

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._encoder.question(query).tolist()

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


class _LlamaIndex:
    def __init__(self, task: Task, encoder: Encoder, folder: Path) -> None:
        self._task, self._encoder, self._folder = task, encoder, folder

    def ingest(self) -> None:
        self._nodes: list[BaseNode] = [
            TextNode(
                id_=passage.id,
                text=passage.text,
                metadata={"shelf": passage.shelf, "passage": passage.id},
                excluded_embed_metadata_keys=["shelf", "passage"],
            )
            for passage in self._task.passages
        ]
        self._index = VectorStoreIndex(self._nodes, embed_model=_Embedding(self._encoder))
        self._bm25 = self._words("english", "en", self._task.depth)
        self._index.storage_context.persist(persist_dir=str(self._folder / "vectors"))
        self._bm25.persist(str(self._folder / "words"))

    def ways(self) -> Mapping[str, Callable[[], Search]]:
        ways: dict[str, Callable[[], Search]] = {
            DOCUMENTED: lambda: self._fused(self._bm25, "reciprocal_rerank"),
            "relative score": lambda: self._fused(self._bm25, "relative_score"),
            "distance-based score": lambda: self._fused(self._bm25, "dist_based_score"),
        }
        language = self._task.language
        if language in _STEMMERS:
            ways[f"stemmer {language}"] = lambda: self._fused(
                self._words(_STEMMERS[language], language, self._task.depth), "reciprocal_rerank"
            )
        return ways

    def within(self, shelf: str, k: int) -> Search:
        filters = MetadataFilters(filters=[MetadataFilter(key="shelf", value=shelf)])
        words = self._words("english", "en", k, filters=filters)
        return self._fused(words, "reciprocal_rerank", k=k, filters=filters)

    def close(self) -> None:
        """Holds nothing but memory."""

    def _words(self, stemmer: str, language: str, k: int, **more: Any) -> BM25Retriever:
        return BM25Retriever.from_defaults(
            nodes=self._nodes,
            similarity_top_k=min(k, len(self._nodes)),
            stemmer=Stemmer.Stemmer(stemmer),
            language=language,
            **more,
        )

    def _fused(self, words: BM25Retriever, mode: str, k: int | None = None, **more: Any) -> Search:
        k = k or self._task.depth
        retriever = QueryFusionRetriever(
            [self._index.as_retriever(similarity_top_k=k, **more), words],
            llm=MockLLM(),
            mode=mode,
            similarity_top_k=k,
            num_queries=1,
            use_async=False,
        )
        return lambda question: [found.node.node_id for found in retriever.retrieve(question)]


make = _LlamaIndex
