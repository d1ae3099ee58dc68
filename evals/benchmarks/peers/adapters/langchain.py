"""LangChain: EnsembleRetriever over BM25Retriever and FAISS, both with the weight ½.

https://reference.langchain.com/python/langchain-classic/retrievers/ensemble/EnsembleRetriever
https://python.langchain.com/docs/how_to/ensemble_retriever/
https://python.langchain.com/docs/integrations/retrievers/bm25/  (preprocess_func, which the variants use)

Words are cut at blanks by default, with their case and punctuation. FAISS filters after the search, among
`fetch_k` (20) passages, and BM25Retriever knows no filter: the filtered search is the ensemble of what they
offer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import Stemmer
from langchain_classic.retrievers import EnsembleRetriever
from langchain_community.retrievers import BM25Retriever
from langchain_community.vectorstores import FAISS
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from evals.benchmarks.peers.adapter import DOCUMENTED, Search
from evals.benchmarks.peers.encoder import Encoder
from evals.benchmarks.peers.task import Task

DISTRIBUTION = "langchain-classic"
_STEMMERS = {"en": "english", "ru": "russian"}


class _Embeddings(Embeddings):
    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._encoder.passages(texts).tolist()

    def embed_query(self, text: str) -> list[float]:
        return self._encoder.question(text).tolist()


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


class _LangChain:
    def __init__(self, task: Task, encoder: Encoder, folder: Path) -> None:
        self._task, self._encoder, self._folder = task, encoder, folder

    def ingest(self) -> None:
        self._documents = [
            Document(passage.text, id=passage.id, metadata={"shelf": passage.shelf, "passage": passage.id})
            for passage in self._task.passages
        ]
        self._vectors = FAISS.from_documents(self._documents, _Embeddings(self._encoder))
        self._bm25 = BM25Retriever.from_documents(self._documents, k=self._task.depth)
        self._vectors.save_local(str(self._folder / "vectors"))  # BM25Retriever has no way to be saved

    def ways(self) -> Mapping[str, Callable[[], Search]]:
        stem = Stemmer.Stemmer(_STEMMERS[self._task.language]).stemWords
        return {
            DOCUMENTED: lambda: self._fused(self._bm25),
            "lower-cased words": lambda: self._fused(self._prepared(_words)),
            "stemmed words": lambda: self._fused(self._prepared(lambda text: stem(_words(text)))),
        }

    def within(self, shelf: str, k: int) -> Search:
        words = BM25Retriever.from_documents(self._documents, k=k)
        return self._fused(words, k=k, filter={"shelf": shelf})

    def close(self) -> None:
        """Holds nothing but memory."""

    def _prepared(self, cut: Callable[[str], list[str]]) -> BM25Retriever:
        return BM25Retriever.from_documents(self._documents, k=self._task.depth, preprocess_func=cut)

    def _fused(self, words: BM25Retriever, k: int | None = None, **more: Any) -> Search:
        k = k or self._task.depth
        vectors = self._vectors.as_retriever(search_kwargs={"k": k, **more})
        # With `id_key`, or passages of the same text would count as one.
        ensemble = EnsembleRetriever(retrievers=[words, vectors], weights=[0.5, 0.5], id_key="passage")
        return lambda question: [found.metadata["passage"] for found in ensemble.invoke(question)][:k]


make = _LangChain
