"""ragkit: `ragkit.open` with its defaults, passages of one document each.

The benchmark's texts are searched as a whole, so a chunker that never cuts takes the place of
`chunk/recursive`; "own passages" is the default without any change, which cuts long texts and ranks a
document by its best passage. The default reranks by what its model read of the passages at ingestion, so the
model runs there, though the vectors are looked up; "not reranked" is the default up to its fusion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ragkit
from evals.benchmarks.peers.adapter import DOCUMENTED, Search
from evals.benchmarks.peers.encoder import Encoder
from evals.benchmarks.peers.task import Task
from ragkit.app import Retriever
from ragkit.models.bundled_embedder import BundledEmbedder
from ragkit.protocols import TextKind, Vectors
from ragkit.registry import register
from ragkit.settings import Settings
from ragkit.types import Document, Span

DISTRIBUTION = "ragkit"
_OWN_DEPTH = 3
"""How many passages are asked for per document, where one may have several."""


class _Whole:
    """A chunker that leaves each text in one piece."""

    use = "chunk/peers-whole"
    fingerprint = "peers-whole"

    class Config(Settings):
        pass

    def __init__(self) -> None:
        self.config = self.Config()

    def split(self, document: Document) -> list[Span]:
        """One span of the whole text."""
        return [Span(0, len(document.text))]


class _Known(BundledEmbedder):
    """The bundled model, which looks up passages as it does for every library."""

    use = "embed/peers-known"
    encoder: Encoder

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        if kind == "passage":
            return self.encoder.passages(texts)
        vectors = super().embed(texts, kind)
        self.encoder.remember(texts, vectors)
        return vectors


class _Ragkit:
    def __init__(self, task: Task, encoder: Encoder, folder: Path) -> None:
        self._task, self._folder = task, folder
        _Known.encoder = encoder
        register(_Known)
        register(_Whole)
        self._opened: list[ragkit.RAG] = []

    def ingest(self) -> None:
        self._rag = self._filled("whole", {"ingest.chunk": {"use": _Whole.use}})

    def ways(self) -> Mapping[str, Callable[[], Search]]:
        return {
            DOCUMENTED: lambda: self._search(self._rag),
            "not reranked": lambda: self._search(self._rag, retriever="hybrid"),
            "own passages": lambda: self._search(
                self._filled("own", {}), depth=_OWN_DEPTH * self._task.depth
            ),
            "rrf": lambda: self._search(
                self._again({"query.fuse": {"use": "fuse/rrf", "in": ["dense", "sparse"]}})
            ),
            "words": lambda: self._search(self._rag, retriever="bm25"),
            "vectors": lambda: self._search(self._rag, retriever="dense"),
        }

    def within(self, shelf: str, k: int) -> Search:
        return lambda question: _documents(self._rag.retrieve(question, k=k, filter={"shelf": shelf}))[:k]

    def close(self) -> None:
        for rag in self._opened:
            rag.close()

    def _open(self, name: str, settings: Mapping[str, Any]) -> ragkit.RAG:
        known = {"models.embed": {"use": _Known.use}, "collection.fields": {"shelf": "keyword"}}
        rag = ragkit.open(self._folder / name, set={**known, **settings})
        self._opened.append(rag)
        return rag

    def _filled(self, name: str, settings: Mapping[str, Any]) -> ragkit.RAG:
        rag = self._open(name, settings)
        documents = [
            Document(passage.id, passage.text, uri=passage.id, metadata={"shelf": passage.shelf})
            for passage in self._task.passages
        ]
        report = rag.ingest(documents, progress=False)
        # It takes no document without text, of which Cranfield has two.
        expected = sum(bool(document.text) for document in documents)
        if report.committed != expected:
            raise RuntimeError(f"ragkit took {report.committed} of {expected} documents")
        return rag

    def _again(self, settings: Mapping[str, Any]) -> ragkit.RAG:
        """The same index with other settings. There is one writer to an index, and this one only reads."""
        return self._open("whole", {"ingest.chunk": {"use": _Whole.use}, **settings})

    def _search(self, rag: ragkit.RAG, *, retriever: Retriever = "full", depth: int | None = None) -> Search:
        k = depth or self._task.depth
        return lambda question: _documents(rag.retrieve(question, k=k, retriever=retriever))[
            : self._task.depth
        ]


def _documents(ranking: ragkit.Ranking) -> list[str]:
    return list(dict.fromkeys(hit.chunk.document_id for hit in ranking.hits))


make = _Ragkit
