"""The best rows for a query's terms, exactly, without looking at every posting of every term."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.protocols import RowScores, TermPostings
from ragkit.store.bm25.formula import Bm25

Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]
_Scored = tuple[NDArray[np.intp], NDArray[np.float64]]
_CACHED_POSTINGS = 4_000_000  # 64 MB, twice at most: the frequent terms, which queries share
_SMALL = 8192  # up to this many rows, adding into a fresh array is the fastest
_WORTH_PRUNING = 1024  # postings of a term below which adding them is cheaper than finding the threshold
_NO_ROWS = np.empty(0, dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class _Term:
    """A term among the live rows: its rows, ascending, what it adds to each, and the most that it adds."""

    rows: Rows
    weights: NDArray[np.float64]
    idf: float
    bound: float

    def times(self, n: int) -> _Term:
        """The term as a query that holds it `n` times counts it."""
        return self if n == 1 else _Term(self.rows, self.weights * n, self.idf * n, self.bound * n)


class Bm25Ranker:
    """BM25 over the live rows; N, df and the average length are theirs alone.

    Scores are summed in float64 and rounded to float32 at the end, so equal texts tie exactly. Terms are
    taken in order of the most they can add, and once the rest cannot lift a new row into the first k, only
    rows that are still in the running are looked up (the idea of MaxScore: Turtle and Flood, "Query
    evaluation: strategies and optimizations", 1995, on arrays instead of single documents).

    >>> from ragkit.store.bm25.postings import Postings
    >>> ranker = Bm25Ranker(Bm25(), [Postings.of([["cat"], ["dog"]], first_row=0)], None)
    >>> ranker.search(["cat"], 5, None).rows.tolist()
    [0]
    """

    def __init__(self, bm25: Bm25, segments: Sequence[TermPostings], live: Mask | None) -> None:
        self._segments = segments
        self._live = None if live is None or bool(live.all()) else live
        all_lengths = np.concatenate([np.zeros(0, dtype=np.int32), *(s.lengths for s in segments)])
        self._n_rows = len(all_lengths)
        counted = all_lengths if self._live is None else all_lengths[self._live]
        self._n_live = len(counted)
        average = float(counted.sum(dtype=np.int64)) / len(counted) if len(counted) else 0.0
        self._bm25 = bm25
        self._norms = bm25.norms(all_lengths, average)
        self._recent: dict[str, _Term] = {}
        self._older: dict[str, _Term] = {}
        self._n_recent = 0

    def search(self, terms: Sequence[str], k: int, allowed: Mask | None) -> RowScores:
        """Every row that may be among the `k` best of `allowed`, with its score; repeated terms count."""
        found = [self._term(term).times(n) for term, n in sorted(Counter(terms).items())]
        ceiling = sum(entry.idf for entry in found)
        entries = [entry for entry in found if len(entry.rows)]
        entries.sort(key=lambda entry: entry.bound, reverse=True)
        if not entries:
            rows, scores = _NO_ROWS, np.empty(0)
        elif self._n_rows <= _SMALL:
            rows, scores = _all_scores(entries, self._n_rows, allowed)
        else:
            rows, scores = _best_scores(entries, self._n_rows, k, allowed)
        return RowScores(rows, scores.astype(np.float32), ceiling)

    def _term(self, term: str) -> _Term:
        entry = self._recent.get(term)
        if entry is None:
            entry = self._older.get(term) or self._weigh(term)
            if self._n_recent > _CACHED_POSTINGS:
                # Two generations: what was asked for since the last turn survives the next one. Threads
                # may turn at once; the worst that comes of it is a term computed twice.
                self._older, self._recent, self._n_recent = self._recent, {}, 0
            self._recent[term] = entry
            self._n_recent += len(entry.rows) + 64
        return entry

    def _weigh(self, term: str) -> _Term:
        parts = [(s.first_row, s.of_term(term)) for s in self._segments]
        rows = np.concatenate([_NO_ROWS, *(part.rows.astype(np.intp) + first for first, part in parts)])
        counts = np.concatenate([_NO_ROWS, *(part.counts for _, part in parts)])
        if self._live is not None:
            keep = self._live[rows]
            rows, counts = rows[keep], counts[keep]
        idf = self._bm25.idf(self._n_live, len(rows))
        weights = idf * (counts / (counts + self._norms[rows]))
        return _Term(rows, weights, idf, float(weights.max()) if len(rows) else 0.0)


def _all_scores(entries: Sequence[_Term], n_rows: int, allowed: Mask | None) -> _Scored:
    """All allowed rows that hold a term, and their scores."""
    rows = np.concatenate([entry.rows for entry in entries])
    weights = np.concatenate([entry.weights for entry in entries])
    total = np.bincount(rows, weights=weights, minlength=n_rows)
    found = np.flatnonzero(total if allowed is None else (total > 0) & allowed)
    return found, np.asarray(total[found], dtype=np.float64)


def _best_scores(entries: Sequence[_Term], n_rows: int, k: int, allowed: Mask | None) -> _Scored:
    """The allowed rows that may be among the first `k`, and their scores."""
    total = _borrow(n_rows)
    left = sum(entry.bound for entry in entries)
    seen: list[Rows] = []
    n_seen, done = 0, 0.0
    for i, entry in enumerate(entries):
        # `done` bounds every score so far, hence the threshold.
        if left < done and n_seen >= k and len(entry.rows) > _WORTH_PRUNING:
            rows = np.concatenate(seen)
            survivors = _in_the_running(rows, total[rows], left, k)
            if survivors is not None:
                rows_scores = _finish(survivors, total[survivors], entries[i:], left, k)
                total[rows] = 0.0
                _pool.append(total)
                return rows_scores
        added, weights = entry.rows, entry.weights
        if allowed is not None:
            keep = allowed[added]
            added, weights = added[keep], weights[keep]
        before = total[added]
        fresh = added[before == 0.0]
        total[added] = before + weights
        seen.append(fresh)
        n_seen, done, left = n_seen + len(fresh), done + entry.bound, left - entry.bound
    rows = np.concatenate(seen)
    scores = total[rows]
    total[rows] = 0.0
    _pool.append(total)
    return rows, scores


def _in_the_running(rows: Rows, scores: NDArray[np.float64], left: float, k: int) -> Rows | None:
    """The rows that can still be among the first `k` when no row gains more than `left`, ascending.

    None when rows not seen yet can be, too. The margin keeps rows that tie after rounding to float32.
    """
    floor = float(np.partition(scores, len(scores) - k)[len(scores) - k]) * (1 - 1e-6)
    return np.sort(rows[scores >= floor - left]) if left < floor else None


def _finish(rows: Rows, scores: NDArray[np.float64], rest: Sequence[_Term], left: float, k: int) -> _Scored:
    """The rows in the running with what the remaining terms add; those that fall behind are dropped."""
    for entry in rest:
        at = np.searchsorted(entry.rows, rows)
        at[at == len(entry.rows)] = 0
        scores = scores + np.where(entry.rows[at] == rows, entry.weights[at], 0.0)
        left -= entry.bound
        if len(rows) > 4 * k:
            floor = float(np.partition(scores, len(scores) - k)[len(scores) - k]) * (1 - 1e-6)
            keep = scores >= floor - left
            rows, scores = rows[keep], scores[keep]
    return rows, scores


# Accumulators, all zero, shared by all rankers: making one for each query would cost more than the query.
_pool: deque[NDArray[np.float64]] = deque(maxlen=32)


def _borrow(n_rows: int) -> NDArray[np.float64]:
    try:
        total = _pool.pop()
    except IndexError:
        return np.zeros(n_rows)
    return total if len(total) >= n_rows else np.zeros(n_rows)


@dataclass(frozen=True, slots=True)
class Bm25Engine:
    """`bm25/default`: our own BM25, exact and fast."""

    bm25: Bm25

    def over(self, segments: Sequence[TermPostings], live: Mask | None) -> Bm25Ranker:
        """A ranker over the segments' rows, of which `live` (all, if None) are the population."""
        return Bm25Ranker(self.bm25, segments, live)
