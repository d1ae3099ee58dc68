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
from ragkit_connectors.pgvector.once import Once
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
    """The statistics of one tenant's chunks at one commit; `token` is of the head that they were read at."""

    token: bytes
    n_chunks: int
    average: float
    frequencies: dict[str, int] = field(default_factory=dict)


class SparseSearch:
    """Searches by terms."""

    def __init__(self, bm25: Bm25) -> None:
        self._bm25 = bm25
        self._populations: OrderedDict[tuple[str | None, int | None], _Population] = OrderedDict()
        self._lock = threading.Lock()

    def search(self, view: View, queries: Sequence[Sequence[str]], k: int) -> list[HitBatch]:
        """The `k` best chunks for each list of terms."""
        population = self._population(view)
        known, unknown = self._known(population, queries)
        if unknown:
            rows = view.rows(_FREQUENCIES, owner=_owner(view), terms=list(unknown))
            known |= self._learned(population, unknown, rows)
        asked = [_Asked(terms, known, population, self._bm25) for terms in queries]
        return [
            one.ranked(view.rows(_CANDIDATES, **one.values(_owner(view), k)) if one.terms else [], k)
            for one in asked
        ]

    def at_once(self, once: Once, queries: Sequence[Sequence[str]], k: int) -> list[HitBatch] | None:
        """The same in a round trip, or two for terms that were not asked before.

        None where that does not do: then `search` has to.
        """
        with self._lock:
            population = self._populations.get((once.scope.tenant, once.scope.commit))
        if population is None:
            return None
        owner = _owner(once)
        known, unknown = self._known(population, queries)
        if unknown:
            (found,) = once.all_rows(_FREQUENCIES, [{"owner": owner, "terms": list(unknown)}])
            if found.pointer.token != population.token:
                return None
            known |= self._learned(population, unknown, found.rows)
        asked = [_Asked(terms, known, population, self._bm25) for terms in queries]
        held = [one for one in asked if one.terms]
        if not held:  # without a statement nobody has looked whether the commit is there
            return None
        answers = once.all_rows(_CANDIDATES, [one.values(owner, k) for one in held])
        if any(answer.pointer.token != population.token for answer in answers):
            return None
        rows = iter(answers)
        return [one.ranked(next(rows).rows if one.terms else [], k) for one in asked]

    def forget(self) -> None:
        """Lets go of all statistics that were remembered."""
        with self._lock:
            self._populations.clear()

    def _population(self, view: View) -> _Population:
        key, token = (view.scope.tenant, view.scope.commit), view.reading.pointer.token
        with self._lock:
            known = self._populations.get(key)
        if known is None or known.token != token:
            ((n, length),) = view.rows(_STATISTICS)
            known = _Population(token, n, float(length) / n if n else 0.0)
            with self._lock:
                self._populations[key] = known
                while len(self._populations) > _POPULATIONS:
                    self._populations.popitem(last=False)
        return known

    def _known(
        self, population: _Population, queries: Sequence[Sequence[str]]
    ) -> tuple[dict[str, int], dict[bytes, str]]:
        """How many chunks hold each term, and by their keys the terms of which that is not known yet."""
        terms = {term for query in queries for term in query}
        with self._lock:
            remembered = population.frequencies
            known = {term: remembered[term] for term in terms if term in remembered}
        return known, {term_key(term): term for term in terms if term not in known}

    def _learned(
        self, population: _Population, unknown: dict[bytes, str], rows: Sequence[tuple[Any, ...]]
    ) -> dict[str, int]:
        """What was not known, whatever other threads learn or forget meanwhile."""
        found = dict(rows)
        fresh = {term: int(found.get(key, 0)) for key, term in unknown.items()}
        with self._lock:
            if len(population.frequencies) > _TERMS:
                population.frequencies.clear()
            population.frequencies.update(fresh)
        return fresh


class _Asked:
    """A list of terms, each with its weight, repeats counted; `terms` are those that a chunk holds."""

    def __init__(
        self, query: Sequence[str], known: dict[str, int], population: _Population, bm25: Bm25
    ) -> None:
        counted = sorted(Counter(query).items())
        self._weights = {term: n * bm25.idf(population.n_chunks, known[term]) for term, n in counted}
        self._average, self._bm25 = population.average, bm25
        self.terms = [term for term, _ in counted if known[term]]

    def values(self, owner: bytes, k: int) -> dict[str, Any]:
        """What is bound to the statement."""
        return {
            "owner": owner,
            "terms": [term_key(term) for term in self.terms],
            "weights": [self._weights[term] for term in self.terms],
            "level": self._bm25.k1 * (1 - self._bm25.b),
            "slope": self._bm25.k1 * self._bm25.b / (self._average or 1.0),
            "k": k,
        }

    def ranked(self, rows: Sequence[tuple[Any, ...]], k: int) -> HitBatch:
        """The best of the rows that the statement gave."""
        ceiling = sum(self._weights.values())
        if not rows:
            empty = HitBatch.empty()
            return HitBatch(empty.ids, empty.scores, ceiling)
        norms = self._bm25.norms(np.array([row[1] for row in rows], dtype=np.int32), self._average)
        scores = np.array(
            [
                _score(
                    [
                        (self._weights[self.terms[i - 1]], n)
                        for i, n in sorted(zip(row[2], row[3], strict=True))
                    ],
                    float(norm),
                )
                for row, norm in zip(rows, norms, strict=True)
            ],
            dtype=np.float32,
        )
        ids = as_ids([row[0].hex() for row in rows])
        order = np.lexsort((ids, -scores))[:k]
        return HitBatch(ids[order], scores[order], ceiling)


def _score(parts: Sequence[tuple[float, int]], norm: float) -> float:
    return sum(weight * (n / (n + norm)) for weight, n in parts)


def _owner(view: View | Once) -> bytes:
    return bytes(view.shown.values.get("tenant", b""))
