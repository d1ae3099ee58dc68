"""What the default graph finds before reranking, for many queries at once.

The same scores as `retrieve/dense`, `retrieve/bm25` and `fuse/weighted` give: cosine of the bundled embedder,
Lucene's BM25 over our analyzer divided by what a perfect match would score, 0.35 and 0.65 of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray

from ragkit.models.embedder import OnnxEmbedder
from ragkit.store.bm25.formula import Bm25
from ragkit.text.analyze import Analyzer

DENSE, SPARSE = 0.35, 0.65
LONGEST_QUERY = 2_500  # characters
_BLOCK = 256


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Candidates of one query, best first: passage numbers, cosines, BM25 as a share of its ceiling."""

    passages: NDArray[np.int32]
    dense: NDArray[np.float32]
    bm25: NDArray[np.float32]

    @property
    def fused(self) -> NDArray[np.float32]:
        """The scores that the candidates are ordered by."""
        return np.asarray(DENSE * self.dense + SPARSE * self.bm25, np.float32)


class FirstStage:
    """Searches `texts`."""

    def __init__(self, texts: Sequence[str], embedder: OnnxEmbedder, analyzer: Analyzer):
        self._embedder, self._analyzer = embedder, analyzer
        self._vectors = embedder.embed(texts, "passage")
        self.terms: dict[str, int] = {}
        counts = [
            Counter(self.terms.setdefault(term, len(self.terms)) for term in analyzer.terms(text))
            for text in texts
        ]
        lengths = np.array([sum(count.values()) for count in counts], np.int32)
        frequencies: Any = sparse.csr_matrix(
            (
                np.array([value for count in counts for value in count.values()], float),
                np.array([term for count in counts for term in count], np.int64),
                np.cumsum([0, *(len(count) for count in counts)]),
            ),
            (len(texts), len(self.terms)),
        )
        bm25, n = Bm25(), len(texts)
        holders = np.bincount(frequencies.indices, minlength=len(self.terms))
        self.idf = np.array([bm25.idf(n, int(held)) for held in holders])
        self._unknown_idf = bm25.idf(n, 0)
        norms = np.repeat(bm25.norms(lengths, float(lengths.mean())), np.diff(frequencies.indptr))
        frequencies.data = frequencies.data / (frequencies.data + norms) * self.idf[frequencies.indices]
        self._weights = frequencies.T.tocsr()

    def search(self, queries: Sequence[str], k: int) -> list[Found]:
        """The best `k` of the union of both arms' best `k`, for each query."""
        found = []
        for start in range(0, len(queries), _BLOCK):
            some = [query[:LONGEST_QUERY] for query in queries[start : start + _BLOCK]]
            cosines = self._embedder.embed(some, "query") @ self._vectors.T
            found += [
                self._best(self._shares(query), dense, k) for query, dense in zip(some, cosines, strict=True)
            ]
        return found

    def _shares(self, query: str) -> NDArray[np.float64]:
        asked = Counter(self._analyzer.terms(query))
        known = {self.terms[term]: n for term, n in asked.items() if term in self.terms}
        unknown = sum(n for term, n in asked.items() if term not in self.terms)
        ceiling = sum(self.idf[term] * n for term, n in known.items()) + unknown * self._unknown_idf
        scores = np.zeros(len(self._vectors))
        for term, n in known.items():
            row = self._weights[term]
            scores[row.indices] += n * row.data
        return scores / ceiling if ceiling > 0 else scores

    def _best(self, shares: NDArray[np.float64], cosines: NDArray[np.float32], k: int) -> Found:
        k = min(k, len(shares))
        union = np.union1d(np.argpartition(-cosines, k - 1)[:k], np.argpartition(-shares, k - 1)[:k])
        fused = DENSE * cosines[union] + SPARSE * shares[union]
        best = union[np.argsort(-fused, kind="stable")[:k]]
        return Found(best.astype(np.int32), cosines[best], shares[best].astype(np.float32))
