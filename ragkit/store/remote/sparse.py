"""BM25: the server proposes, the scores are summed here as on every store.

N, df and the average length are those of the tenant's chunks at the reader's commit; a filter changes none.
What the server is given to add up is at least a fixed part of what a chunk can score, so it is known when
nothing that was not proposed can belong among the best, and until then more is asked for.
"""

from __future__ import annotations

import math
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ragkit.arrays import HitBatch
from ragkit.store.bm25.formula import Bm25
from ragkit.store.remote.conditions import all_of, equals, is_among
from ragkit.store.remote.crowds import Crowds
from ragkit.store.remote.points import COUNTED, K1, LENGTH, B
from ragkit.store.remote.server import CHUNKS, RECORDS, Found, ProposingServer
from ragkit.store.remote.view import View
from ragkit.store.remote.words import word

_POPULATIONS = 64  # remembered: a commit never changes, so neither do its statistics
_FEWEST = 64
_ROUNDING = 1e-4  # relative; servers sum float32
_MOST_WORDS = 500  # of one proposal


@dataclass(slots=True)
class _Population:
    """The statistics of one tenant's chunks at one commit."""

    n_chunks: int
    average: float
    frequencies: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query: each of its words with its weight, repeats counted."""

    weights: dict[str, float]
    average: float
    bm25: Bm25

    def score(self, payload: dict[str, Any]) -> float:
        """What a chunk scores; 0 where it shares no word."""
        norm = float(self.bm25.norms(np.array([payload["n"]], dtype=np.int32), self.average)[0])
        counts: dict[str, int] = dict(
            zip(payload.get("terms") or (), payload.get("counts") or (), strict=True)
        )
        parts = ((weight, counts.get(term, 0)) for term, weight in self.weights.items())
        return sum(weight * (n / (n + norm)) for weight, n in parts if n)

    def excess(self, loss: float) -> float:
        """How many times what the server adds up a chunk can score at most; infinite where unknown.

        `loss` is the part by which the sum may be too small.
        """
        k1, b = self.bm25.k1, self.bm25.b
        ratios = [_ratio(K1 * (1 - B), k1 * (1 - b)), _ratio(K1 * B / LENGTH, k1 * b / (self.average or 1.0))]
        return max(1.0, *ratios) * (1 + _ROUNDING) / (1 - loss)


class SparseSearch:
    """Searches by terms."""

    def __init__(self, server: ProposingServer, bm25: Bm25) -> None:
        self._server, self._bm25 = server, bm25
        self._crowds = Crowds(server)
        self._populations: OrderedDict[tuple[str | None, int | None], _Population] = OrderedDict()
        self._lock = threading.Lock()

    def search(self, view: View, queries: Sequence[Sequence[str]], k: int) -> list[HitBatch]:
        """The `k` best chunks for each list of terms."""
        population = self._population(view)
        known = population.frequencies
        unknown = sorted({word(term) for terms in queries for term in terms} - set(known))
        conditions = [all_of([view.population, equals("terms", term)]) for term in unknown]
        # Two threads may learn the same; it is the same.
        known.update(zip(unknown, view.server.counts(CHUNKS, conditions), strict=True))
        weighed = [self._weighed(population, terms) for terms in queries]
        asked = [
            _Asked({word: n for word, n in weights.items() if known[word]}, population.average, self._bm25)
            for weights in weighed
        ]
        batches = [HitBatch.of(found.items()).top(k) for found in self._best(view, asked, k)]
        return [
            HitBatch(batch.ids, batch.scores, sum(weights.values()))
            for batch, weights in zip(batches, weighed, strict=True)
        ]

    def _population(self, view: View) -> _Population:
        key = (view.scope.tenant, view.scope.commit)
        with self._lock:
            known = self._populations.get(key)
        if known is None:
            n, length = _totals(view)
            known = _Population(n, length / n if n else 0.0)
            with self._lock:
                self._populations[key] = known
                while len(self._populations) > _POPULATIONS:
                    self._populations.popitem(last=False)
        return known

    def _weighed(self, population: _Population, terms: Sequence[str]) -> dict[str, float]:
        """Each word of a query with its weight, repeats counted."""
        n_chunks, known = population.n_chunks, population.frequencies
        counted = sorted(Counter(word(term) for term in terms).items())
        return {term: n * self._bm25.idf(n_chunks, known[term]) for term, n in counted}

    def _best(self, view: View, queries: Sequence[_Asked], k: int) -> list[dict[str, float]]:
        """For each query scores by chunk id: those of the `k` best, and of others."""
        found: list[dict[str, float]] = [{} for _ in queries]
        open_: list[int] = []
        for n, asked in enumerate(queries):
            if not asked.weights or view.readable is False:
                continue
            if math.isinf(asked.excess(self._server.sparse_loss)) or len(asked.weights) > _MOST_WORDS:
                found[n] = _all(view, asked)
            else:
                open_.append(n)
        limit = max(_FEWEST, 4 * k)
        condition, is_wide = self._crowds.condition(view)
        while open_:
            proposed = self._server.propose(condition, [queries[n].weights for n in open_], limit)
            short, is_crowded = [], False
            for n, hits in zip(open_, proposed, strict=True):
                kept = [hit for hit in hits if view.shows(hit.payload)]
                found[n] = _scored(queries[n], kept)
                rest = hits[-1].score * queries[n].excess(self._server.sparse_loss) if hits else 0.0
                if len(hits) >= limit and not _is_settled(found[n], rest, k):
                    short.append(n)
                    is_crowded |= is_wide and len(kept) < len(hits)
            if is_crowded:
                condition, is_wide, open_ = self._crowds.note(view), False, short
                continue
            open_, limit = short, 4 * limit
        return found


def _is_settled(found: dict[str, float], rest: float, k: int) -> bool:
    """Whether nothing belongs among the `k` best that scores no more than `rest`."""
    return len(found) >= k and sorted(found.values(), reverse=True)[k - 1] > rest


def _all(view: View, asked: _Asked) -> dict[str, float]:
    """Scores of all chunks that hold one of the words."""
    words = list(asked.weights)
    scores: dict[str, float] = {}
    for first in range(0, len(words), _MOST_WORDS):
        condition = all_of([view.shown, is_among("terms", words[first : first + _MOST_WORDS])])
        hits = view.server.scroll(CHUNKS, condition, COUNTED)
        scores |= _scored(asked, (hit for hit in hits if view.shows(hit.payload)))
    return scores


def _scored(asked: _Asked, hits: Iterable[Found]) -> dict[str, float]:
    # Where servers number the words, two may share a number: a chunk with the other one scores 0.
    scores = {hit.payload["id"]: asked.score(hit.payload) for hit in hits}
    return {identity: score for identity, score in scores.items() if score > 0}


def _totals(view: View) -> tuple[int, int]:
    """How many chunks a tenant has at a commit, and how many terms they hold together."""
    tenant = [] if view.scope.tenant is None else [equals("tenant", view.scope.tenant)]
    assert view.scope.commit is not None
    condition = all_of([equals("kind", "totals"), *tenant, view.head.shows(view.scope.commit)])
    found = [hit.payload for hit in view.server.scroll(RECORDS, condition, ("chunks", "terms"))]
    return sum(p["chunks"] for p in found), sum(p["terms"] for p in found)


def _ratio(ours: float, theirs: float) -> float:
    if ours == 0:
        return 1.0
    return math.inf if theirs == 0 else ours / theirs
