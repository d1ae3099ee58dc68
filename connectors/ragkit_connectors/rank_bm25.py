"""`bm25/rank-bm25`: the ranking functions of the package rank_bm25 (Okapi and BM25+), for comparison.

It looks at every chunk in Python for each term of a query: about 15 ms a query at 10,000 chunks and 150 ms
at 100,000, where `bm25/default` takes under one. Its BM25L is left out: version 0.2.2 multiplies by the term
frequency once too often, so that its scores have no limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ragkit.protocols import RowScores, TermPostings
from ragkit.settings import Settings


class RankBm25:
    """Makes rankers with a class of rank_bm25.

    Its Okapi gives terms that more than half of the chunks hold an idf of a quarter of the average one,
    which is why its ranking differs from Lucene's on queries with frequent words.

    >>> RankBm25(variant="plus").config.k1
    0.9
    """

    use = "bm25/rank-bm25"

    class Config(Settings):
        """Variant and parameters."""

        variant: Literal["okapi", "plus"] = Field("okapi", description="Which of its formulas.")
        k1: float = Field(0.9, ge=0.0, le=10.0, description="How much repeats of a term count.")
        b: float = Field(0.4, ge=0.0, le=1.0, description="How much a passage's length is held against it.")

    config: Config

    def __init__(self, **settings: Any) -> None:
        self.config = self.Config.checked(self.use, settings)

    def over(self, segments: Sequence[TermPostings], live: NDArray[np.bool_] | None) -> RankBm25Ranker:
        """A ranker over the segments' rows, of which `live` (all, if None) are the population."""
        n_rows = sum(len(segment.lengths) for segment in segments)
        texts: list[list[str]] = [[] for _ in range(n_rows)]
        for segment in segments:
            for term, found in segment.items():
                for row, count in zip(found.rows.tolist(), found.counts.tolist(), strict=True):
                    texts[segment.first_row + row] += [term] * count
        rows = np.arange(n_rows) if live is None else np.flatnonzero(live)
        population = [texts[row] for row in rows]
        if not any(population):
            return RankBm25Ranker(None, rows, self.config.k1)
        import rank_bm25

        variants = {"okapi": rank_bm25.BM25Okapi, "plus": rank_bm25.BM25Plus}
        model = variants[self.config.variant](population, k1=self.config.k1, b=self.config.b)
        return RankBm25Ranker(model, rows, self.config.k1)


class RankBm25Ranker:
    """A rank_bm25 object over the live rows; None where they hold no term at all."""

    def __init__(self, model: Any, rows: NDArray[np.intp], k1: float) -> None:
        self._model, self._rows, self._k1 = model, rows, k1

    def search(self, terms: Sequence[str], k: int, allowed: NDArray[np.bool_] | None) -> RowScores:
        """All allowed rows that hold one of the terms, with their scores."""
        if self._model is None or not terms:
            return RowScores(np.empty(0, dtype=np.intp), np.empty(0, dtype=np.float32), 0.0)
        scores = np.asarray(self._model.get_scores(list(terms)), dtype=np.float32)
        wanted = set(terms)
        holds = np.array([not wanted.isdisjoint(counts) for counts in self._model.doc_freqs], dtype=bool)
        if allowed is not None:
            holds &= allowed[self._rows]
        ceiling = sum(self._most(term) for term in terms)
        return RowScores(self._rows[holds], scores[holds], float(ceiling))

    def _most(self, term: str) -> float:
        """What a term can add: its idf times the limit of the tf part, to which BM25+ adds delta."""
        limit = self._k1 + 1 + getattr(self._model, "delta", 0.0)
        return limit * max(float(self._model.idf.get(term, 0.0)), 0.0)
