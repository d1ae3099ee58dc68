"""BM25: the database proposes by the stored counts, the scores are summed here as on every store.

N, df and the average length are those of the tenant's chunks at the reader's commit; a filter changes none.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ragkit.arrays import HitBatch, as_ids
from ragkit.store.bm25.formula import Bm25
from ragkit_connectors.pgvector.encoding import term_key
from ragkit_connectors.pgvector.view import View

_POPULATIONS = 64  # remembered: a commit never changes, so neither do its statistics
_TERMS = 100_000  # of each

_STATISTICS = "SELECT count(*), coalesce(sum(c.n_terms), 0)::bigint FROM chunks c WHERE {population}"
_FREQUENCIES = """
SELECT p.term, count(*) FROM postings p JOIN chunks c ON c."row" = p.chunk
WHERE p.tenant = %(owner)s AND p.term = ANY(%(terms)s) AND {population} GROUP BY p.term
"""
# Summed in float8, in any order: what is less than a millionth below the k-th may belong above it. Weights
# are looked up in an array, not joined, so that the planner knows how many rows the terms have.
_CANDIDATES = """
WITH scored AS MATERIALIZED (
    SELECT p.chunk,
        sum((%(weights)s::float8[])[array_position(%(terms)s::bytea[], p.term)]
            * p.n / (p.n + %(level)s::float8 + %(slope)s::float8 * c.n_terms)) AS score
    FROM postings p JOIN chunks c ON c."row" = p.chunk
    WHERE p.tenant = %(owner)s AND p.term = ANY(%(terms)s::bytea[]) AND {shown}
    GROUP BY p.chunk
), best AS (SELECT score FROM scored ORDER BY score DESC LIMIT %(k)s)
SELECT c.id, c.n_terms, held.terms, held.counts
FROM (SELECT chunk FROM scored WHERE score >= (SELECT min(score) FROM best) * (1 - 1e-6)) near
CROSS JOIN LATERAL (SELECT id, n_terms FROM chunks WHERE "row" = near.chunk LIMIT 1) c
CROSS JOIN LATERAL (
    SELECT array_agg(q.i) AS terms, array_agg(p.n) AS counts
    FROM unnest(%(terms)s::bytea[]) WITH ORDINALITY AS q (term, i)
    JOIN postings p ON p.tenant = %(owner)s AND p.term = q.term AND p.chunk = near.chunk
) held
"""


@dataclass(slots=True)
class _Population:
    """The statistics of one tenant's chunks at one commit."""

    n_chunks: int
    average: float
    frequencies: dict[str, int] = field(default_factory=dict)


class SparseSearch:
    """Searches by terms."""

    def __init__(self, bm25: Bm25) -> None:
        self._bm25 = bm25
        self._populations: OrderedDict[tuple[str | None, int | None, bytes], _Population] = OrderedDict()
        self._lock = threading.Lock()

    def search(self, view: View, queries: Sequence[Sequence[str]], k: int) -> list[HitBatch]:
        """The `k` best chunks for each list of terms."""
        population = self._population(view)
        known = self._learned(view, population, {term for terms in queries for term in terms})
        return [self._ranked(view, population, known, terms, k) for terms in queries]

    def forget(self) -> None:
        """Lets go of all statistics that were remembered."""
        with self._lock:
            self._populations.clear()

    def _population(self, view: View) -> _Population:
        key = (view.scope.tenant, view.scope.commit, view.reading.pointer.token)
        with self._lock:
            known = self._populations.get(key)
        if known is None:
            ((n, length),) = view.rows(_STATISTICS)
            known = _Population(n, float(length) / n if n else 0.0)
            with self._lock:
                self._populations[key] = known
                while len(self._populations) > _POPULATIONS:
                    self._populations.popitem(last=False)
        return known

    def _learned(self, view: View, population: _Population, terms: set[str]) -> dict[str, int]:
        """How many chunks hold each of the terms, whatever other threads learn or forget meanwhile."""
        with self._lock:
            remembered = population.frequencies
            known = {term: remembered[term] for term in terms if term in remembered}
        unknown = {term_key(term): term for term in terms if term not in known}
        if not unknown:
            return known
        found = dict(view.rows(_FREQUENCIES, owner=_owner(view), terms=list(unknown)))
        fresh = {term: int(found.get(key, 0)) for key, term in unknown.items()}
        with self._lock:
            if len(population.frequencies) > _TERMS:
                population.frequencies.clear()
            population.frequencies.update(fresh)
        return known | fresh

    def _ranked(
        self, view: View, population: _Population, known: dict[str, int], terms: Sequence[str], k: int
    ) -> HitBatch:
        counted = sorted(Counter(terms).items())
        weights = {term: n * self._bm25.idf(population.n_chunks, known[term]) for term, n in counted}
        ceiling = sum(weights.values())
        asked = [term for term, _ in counted if known[term]]
        rows = self._candidates(view, population, asked, weights, k) if asked else []
        if not rows:
            empty = HitBatch.empty()
            return HitBatch(empty.ids, empty.scores, ceiling)
        norms = self._bm25.norms(np.array([row[1] for row in rows], dtype=np.int32), population.average)
        scores = np.array(
            [
                _score(
                    [(weights[asked[i - 1]], n) for i, n in sorted(zip(row[2], row[3], strict=True))],
                    float(norm),
                )
                for row, norm in zip(rows, norms, strict=True)
            ],
            dtype=np.float32,
        )
        ids = as_ids([row[0].hex() for row in rows])
        order = np.lexsort((ids, -scores))[:k]
        return HitBatch(ids[order], scores[order], ceiling)

    def _candidates(
        self, view: View, population: _Population, terms: list[str], weights: dict[str, float], k: int
    ) -> list[tuple[Any, ...]]:
        return view.rows(
            _CANDIDATES,
            owner=_owner(view),
            terms=[term_key(term) for term in terms],
            weights=[weights[term] for term in terms],
            level=self._bm25.k1 * (1 - self._bm25.b),
            slope=self._bm25.k1 * self._bm25.b / (population.average or 1.0),
            k=k,
        )


def _score(parts: Sequence[tuple[float, int]], norm: float) -> float:
    return sum(weight * (n / (n + norm)) for weight, n in parts)


def _owner(view: View) -> bytes:
    return bytes(view.shown.values.get("tenant", b""))
