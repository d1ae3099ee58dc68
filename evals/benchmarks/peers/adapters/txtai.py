"""txtai: Embeddings(hybrid=True), vectors in Faiss and its own BM25.

https://neuml.github.io/txtai/embeddings/configuration/general/#hybrid
https://neuml.github.io/txtai/embeddings/configuration/scoring/
https://neuml.github.io/txtai/embeddings/query/  (filters are SQL, which need `content`)

By default it adds normalised scores; where they are not normalised it fuses reciprocal ranks. It takes ten
times as many candidates as it is asked for, which cannot be set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from txtai import Embeddings

from evals.benchmarks.peers.adapter import DOCUMENTED, Search
from evals.benchmarks.peers.encoder import Encoder
from evals.benchmarks.peers.task import Task, Vectors

DISTRIBUTION = "txtai"


class _Txtai:
    def __init__(self, task: Task, encoder: Encoder, folder: Path) -> None:
        self._task, self._encoder, self._folder = task, encoder, folder
        self._is_ingesting = False
        self._opened: list[Embeddings] = []

    def ingest(self) -> None:
        self._hybrid = self._filled(hybrid=True)
        self._hybrid.save(str(self._folder / "index"))

    def ways(self) -> Mapping[str, Callable[[], Search]]:
        bm25 = {"method": "bm25", "terms": True}
        return {
            DOCUMENTED: lambda: self._search(self._hybrid),
            "rrf": lambda: self._search(self._filled(scoring=bm25)),
            "bb25": lambda: self._search(self._filled(scoring={**bm25, "normalize": "bb25"})),
        }

    def within(self, shelf: str, k: int) -> Search:
        # The shelf is one of the benchmark's own words; values of others go into `parameters`.
        statement = f"SELECT id, text, score FROM txtai WHERE similar(:question) AND shelf = '{shelf}'"

        def search(question: str) -> list[str]:
            found = self._hybrid.search(statement, k, parameters={"question": question})
            return [row["id"] for row in found]

        return search

    def close(self) -> None:
        for embeddings in self._opened:
            embeddings.close()

    def _filled(self, **more: Any) -> Embeddings:
        # A plain function: it calls any other callable to be given one.
        transform = lambda texts: self._vectors(texts)  # noqa: E731
        embeddings = Embeddings(method="external", transform=transform, content=True, **more)
        self._opened.append(embeddings)
        rows = [(p.id, {"text": p.text, "shelf": p.shelf}, None) for p in self._task.passages]
        self._is_ingesting = True
        embeddings.index(rows)
        self._is_ingesting = False
        return embeddings

    def _vectors(self, texts: Any) -> Vectors:
        given = [texts] if isinstance(texts, str) else list(texts)
        if self._is_ingesting:
            return self._encoder.passages(given)
        return np.stack([self._encoder.question(text) for text in given])

    def _search(self, embeddings: Embeddings) -> Search:
        return lambda question: [row["id"] for row in embeddings.search(question, self._task.depth)]


make = _Txtai
