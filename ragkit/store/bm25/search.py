"""The best rows for a query's terms, exactly, without looking at every posting of every term."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ragkit.store.bm25.formula import Bm25
from ragkit.store.bm25.postings import Postings

Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]
_CACHED_POSTINGS = 4_000_000  # 64 MB: the frequent terms, which queries share
_DENSE_SHARE = 8  # from one row in eight, adding a whole column is faster than adding to scattered rows
_NO_ROWS = np.empty(0, dtype=np.intp)
_PRUNE_FROM = 4096  # below this many postings, finding the threshold costs more than adding them


@dataclass(frozen=True, slots=True, eq=False)
class RowScores:
    """Rows and their scores, in any order: every row with a share in the first k is among them.

    `ceiling` is what a perfect match would score: the sum of the terms' idf, repeats counted.
    """

    rows: Rows
    scores: NDArray[np.float32]
    ceiling: float


class TermRanker(Protocol):
    """Ranks one tenant's rows at one commit by their terms."""

    def search(self, terms: Sequence[str], k: int, allowed: Mask | None) -> RowScores:
        """Every row that may be among the `k` best of `allowed` (all rows, if None), with its score."""
        ...


class RankerFactory(Protocol):
    """Makes a ranker for the rows that are live: what `bm25: {use: …}` names."""

    def over(self, segments: Sequence[Postings], live: Mask | None) -> TermRanker:
        """A ranker over the segments' rows, of which `live` (all, if None) are the population."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Term:
    """A term among the live rows: its rows, ascending, and what it adds to each; `column` when frequent."""

    rows: Rows
    weights: NDArray[np.float64]
    idf: float
    bound: float
    column: NDArray[np.float64] | None


class Bm25Ranker:
    """BM25 over the live rows; N, df and the average length are theirs alone.

    Scores are summed in float64 and rounded to float32 at the end, so equal texts tie exactly.

    >>> ranker = Bm25Ranker(Bm25(), [Postings.of([["cat"], ["dog"]], first_row=0)], None)
    >>> ranker.search(["cat"], 5, None).rows.tolist()
    [0]
    """

    def __init__(self, bm25: Bm25, segments: Sequence[Postings], live: Mask | None) -> None:
        self._segments = segments
        self._live = None if live is None or bool(live.all()) else live
        all_lengths = np.concatenate([np.zeros(0, dtype=np.int32), *(s.lengths for s in segments)])
        self._n_rows = len(all_lengths)
        counted = all_lengths if self._live is None else all_lengths[self._live]
        self._n_live = len(counted)
        average = float(counted.sum(dtype=np.int64)) / len(counted) if len(counted) else 0.0
        self._bm25 = bm25
        self._norms = bm25.norms(all_lengths, average)
        self._cache: dict[str, _Term] = {}
        self._n_cached = 0

    def search(self, terms: Sequence[str], k: int, allowed: Mask | None) -> RowScores:
        """Every row that may be among the `k` best of `allowed`, with its score; repeated terms count."""
        found = [(self._term(term), n) for term, n in sorted(Counter(terms).items())]
        ceiling = sum(entry.idf * n for entry, n in found)
        weighted = [(entry, n) for entry, n in found if len(entry.rows)]
        weighted.sort(key=lambda pair: pair[0].bound * pair[1], reverse=True)
        if not weighted:
            return RowScores(np.empty(0, dtype=np.intp), np.empty(0, dtype=np.float32), ceiling)
        rows, scores = self._best(weighted, k, allowed)
        return RowScores(rows, scores.astype(np.float32), ceiling)

    def _best(
        self, weighted: list[tuple[_Term, int]], k: int, allowed: Mask | None
    ) -> tuple[Rows, NDArray[np.float64]]:
        total = np.zeros(self._n_rows)
        left = sum(entry.bound * n for entry, n in weighted)
        for i, (entry, n) in enumerate(weighted):
            if i and len(entry.rows) >= _PRUNE_FROM:
                rows = _survivors(total, left, k, allowed)
                if rows is not None:
                    return _finish(total, rows, weighted[i:])
            _add(total, entry, n)
            left -= entry.bound * n
        rows = np.flatnonzero(total if allowed is None else (total > 0) & allowed)
        return rows, total[rows]

    def _term(self, term: str) -> _Term:
        entry = self._cache.get(term)
        if entry is None:
            entry = self._weigh(term)
            size = len(entry.rows) if entry.column is None else 2 * len(entry.rows) + self._n_rows // 2
            if self._n_cached + size > _CACHED_POSTINGS:
                # Dropping all of it is rare and costs one recomputation per term: no order to keep under
                # threads, no bookkeeping per query.
                self._cache, self._n_cached = {}, 0
            self._cache[term] = entry
            self._n_cached += size
        return entry

    def _weigh(self, term: str) -> _Term:
        parts = [(s.first_row, s.of_term(term)) for s in self._segments]
        rows = np.concatenate([_NO_ROWS, *(part.rows.astype(np.intp) + first for first, part in parts)])
        counts = np.concatenate([_NO_ROWS, *(part.counts for _, part in parts)])
        if self._live is not None:
            keep = self._live[rows]
            rows, counts = rows[keep], counts[keep]
        idf = self._bm25.idf(self._n_live, len(rows))
        if not len(rows):
            return _Term(rows, np.empty(0), idf, 0.0, None)
        weights = idf * (counts / (counts + self._norms[rows]))
        column = None
        if len(rows) * _DENSE_SHARE >= self._n_rows:
            column = np.zeros(self._n_rows)
            column[rows] = weights
        return _Term(rows, weights, idf, float(weights.max()), column)


def _add(total: NDArray[np.float64], entry: _Term, n: int) -> None:
    if entry.column is not None:
        total += entry.column if n == 1 else entry.column * n
    else:
        total[entry.rows] += entry.weights if n == 1 else entry.weights * n


def _survivors(total: NDArray[np.float64], left: float, k: int, allowed: Mask | None) -> Rows | None:
    """Rows that can still be among the first `k` when nothing gains more than `left`; None if all can.

    The margin keeps rows whose scores tie after rounding to float32.
    """
    touched = np.flatnonzero(total if allowed is None else (total > 0) & allowed)
    if len(touched) < k:
        return None
    scores = total[touched]
    floor = float(np.partition(scores, len(scores) - k)[len(scores) - k]) * (1 - 1e-6)
    if left >= floor:
        return None
    return np.asarray(touched[scores >= floor - left], dtype=np.intp)


def _finish(
    total: NDArray[np.float64], rows: Rows, rest: list[tuple[_Term, int]]
) -> tuple[Rows, NDArray[np.float64]]:
    """A few rows and their scores, with the terms that were not added to all."""
    scores = total[rows]
    for entry, n in rest:
        if entry.column is not None:
            scores += entry.column[rows] * n
        else:
            at = np.searchsorted(entry.rows, rows)
            at[at == len(entry.rows)] = 0
            scores += np.where(entry.rows[at] == rows, entry.weights[at], 0.0) * n
    return rows, scores


@dataclass(frozen=True, slots=True)
class Bm25Engine:
    """`bm25/default`: our own BM25, exact and fast."""

    bm25: Bm25

    def over(self, segments: Sequence[Postings], live: Mask | None) -> Bm25Ranker:
        """A ranker over the segments' rows, of which `live` (all, if None) are the population."""
        return Bm25Ranker(self.bm25, segments, live)
