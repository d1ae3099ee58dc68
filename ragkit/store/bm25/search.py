"""The best rows for a query's terms, exactly, without looking at every posting of every term."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ragkit.protocols import RowScores, TermPostings
from ragkit.settings import Settings
from ragkit.store.bm25.formula import Bm25

Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]
_Scored = tuple[NDArray[np.intp], NDArray[np.float64]]
_CACHED_POSTINGS = 4_000_000  # 64 MB, twice at most: the frequent terms, which queries share
_SMALL = 8192  # up to this many rows, adding into a fresh array is the fastest
_FREQUENT = 32  # a term in one row of so many has its counts in a column: a byte a row, found in one step
_WORTH_PRUNING = 1024  # postings of a term below which adding them is cheaper than finding the threshold
_NO_ROWS = np.empty(0, dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class _Term:
    """A term among the live rows: its rows, ascending, what it adds to each, and the most that it adds.

    A frequent term has `counts` too: how often each row of the index holds it, one byte per row.
    """

    rows: Rows
    weights: NDArray[np.float64]
    idf: float
    bound: float
    counts: NDArray[np.uint8] | None

    def times(self, n: int) -> _Term:
        """The term as a query that holds it `n` times counts it."""
        if n == 1:
            return self
        return _Term(self.rows, self.weights * n, self.idf * n, self.bound * n, self.counts)

    def weights_of(self, rows: Rows, norms: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the term adds to some rows, whose norms are given."""
        if self.counts is not None:
            counts = self.counts[rows]
            return np.asarray(self.idf * (counts / (counts + norms)), dtype=np.float64)
        at = np.searchsorted(self.rows, rows)
        at[at == len(self.rows)] = 0
        return np.where(self.rows[at] == rows, self.weights[at], 0.0)


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
            rows, scores = self._best_scores(entries, k, allowed)
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
        column = None
        # A norm of 0 (k1 = 0) would make 0 / 0 of the rows without the term.
        if len(rows) * _FREQUENT > self._n_rows > _SMALL and counts.max() <= 255 and self._bm25.k1 > 0:
            column = np.zeros(self._n_rows, dtype=np.uint8)
            column[rows] = counts
        return _Term(rows, weights, idf, float(weights.max()) if len(rows) else 0.0, column)

    def _best_scores(self, entries: Sequence[_Term], k: int, allowed: Mask | None) -> _Scored:
        """The allowed rows that may be among the first `k`, and their scores."""
        total = _borrow(self._n_rows)
        left = sum(entry.bound for entry in entries)
        seen: list[Rows] = []
        n_seen, floor, rise = 0, 0.0, 0.0
        for i, entry in enumerate(entries):
            # The k-th score is at most `floor + rise`: what it was, and what terms have added since.
            if n_seen >= k and left < floor + rise and len(entry.rows) > _WORTH_PRUNING:
                seen = [np.concatenate(seen)]
                scores = total[seen[0]]
                floor, rise = _floor(scores, k, floor), 0.0
                if left < floor:
                    total[seen[0]] = 0.0
                    _pool.append(total)
                    keep = scores >= floor - left
                    return self._finish(seen[0][keep], scores[keep], entries[i:], k, floor)
            added, weights = entry.rows, entry.weights
            if allowed is not None:
                keep = allowed[added]
                added, weights = added[keep], weights[keep]
            before = total[added]
            seen.append(added[before == 0.0])
            total[added] = before + weights
            n_seen, rise, left = n_seen + len(seen[-1]), rise + entry.bound, left - entry.bound
        rows = np.concatenate(seen)
        scores = total[rows]
        total[rows] = 0.0
        _pool.append(total)
        return rows, scores

    def _finish(
        self, rows: Rows, scores: NDArray[np.float64], rest: Sequence[_Term], k: int, floor: float
    ) -> _Scored:
        """The rows in the running with what the remaining terms add; those that fall behind are dropped."""
        norms, left = self._norms[rows], sum(entry.bound for entry in rest)
        for entry in rest:
            scores = scores + entry.weights_of(rows, norms)
            left -= entry.bound
            if len(rows) > 4 * k:
                floor = _floor(scores, k, floor)
                keep = scores >= floor - left
                rows, scores, norms = rows[keep], scores[keep], norms[keep]
        return rows, scores


def _all_scores(entries: Sequence[_Term], n_rows: int, allowed: Mask | None) -> _Scored:
    """All allowed rows that hold a term, and their scores."""
    rows = np.concatenate([entry.rows for entry in entries])
    weights = np.concatenate([entry.weights for entry in entries])
    total = np.bincount(rows, weights=weights, minlength=n_rows)
    found = np.flatnonzero(total if allowed is None else (total > 0) & allowed)
    return found, np.asarray(total[found], dtype=np.float64)


def _floor(scores: NDArray[np.float64], k: int, known: float) -> float:
    """The k-th greatest score, less a margin for what ties with it after rounding to float32.

    `known` is a floor of before: scores only rise, so at least k of them are not below it.
    """
    high = scores[scores >= known]
    return float(np.partition(high, len(high) - k)[len(high) - k]) * (1 - 1e-6)


# Accumulators, all zero, shared by all rankers: making one for each query would cost more than the query.
_pool: deque[NDArray[np.float64]] = deque(maxlen=32)


def _borrow(n_rows: int) -> NDArray[np.float64]:
    try:
        total = _pool.pop()
    except IndexError:
        return np.zeros(n_rows)
    return total if len(total) >= n_rows else np.zeros(n_rows)


class DefaultBm25:
    """`bm25/default`: our own BM25, exact and fast, with the parameters of `Bm25`.

    >>> DefaultBm25(k1=1.2, b=0.75).config.k1
    1.2
    """

    use = "bm25/default"

    class Config(Settings):
        """The two parameters of the formula."""

        k1: float = Field(0.9, ge=0.0, le=10.0, description="How much repeats of a term count.")
        b: float = Field(0.4, ge=0.0, le=1.0, description="How much a passage's length is held against it.")

    config: Config

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked(self.use, settings)
        self._bm25 = Bm25(self.config.k1, b=self.config.b)

    def over(self, segments: Sequence[TermPostings], live: Mask | None) -> Bm25Ranker:
        """A ranker over the segments' rows, of which `live` (all, if None) are the population."""
        return Bm25Ranker(self._bm25, segments, live)
