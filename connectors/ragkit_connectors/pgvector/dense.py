"""The nearest chunks: the database proposes, the scores are those of the stored float32 vectors."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from typing import Any
from uuid import UUID

import numpy as np

from ragkit.arrays import HitBatch, as_ids, rank_cosines
from ragkit.protocols import Scope, Vectors
from ragkit_connectors.pgvector.approximate import INDEX
from ragkit_connectors.pgvector.settings import PgSettings
from ragkit_connectors.pgvector.view import View

# The database sums in float32, in an order of its own: by as much may its similarities differ, and a chunk
# this much below the cut may belong above it.
_ROUNDING = 2.0**-23
_SPARE = 16  # rows asked for beyond k, so that what ties with the last is mostly seen at once
_AT_ONCE = 2_000
# Of twice as many lists as the square root of the number of chunks: of the ten nearest this finds 0.996 among
# 25,000 chunks and 0.992 among 100,000, on vectors such as all-MiniLM-L6-v2 gives (`made_rows` of
# evals/benchmarks/faiss_kinds.py). A tenth of one list for 1,000 chunks finds 0.84.
_SEARCHED_LISTS = 0.25
_REMEMBERED = 512

# Added to 0 the order is none that an index gives.
_EXACT = """
SELECT c.id, c.embedding, (c.embedding <#> %(vector)s) + 0 AS distance FROM chunks c WHERE {shown}
ORDER BY distance, c.id LIMIT %(limit)s
"""
_WITHIN = (
    "SELECT c.id, c.embedding FROM chunks c WHERE {shown} AND (c.embedding <#> %(vector)s) + 0 <= %(most)s"
)
_BY_INDEX = (
    "SELECT c.id, c.embedding FROM chunks c WHERE {shown} ORDER BY c.embedding <#> %(vector)s LIMIT %(limit)s"
)
_BY_HALF_INDEX = """
SELECT c.id, c.embedding FROM chunks c WHERE {shown}
ORDER BY c.embedding::halfvec({dimension}) <#> %(vector)s::halfvec({dimension}) LIMIT %(limit)s
"""
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM chunks c WHERE {shown} LIMIT %(most)s) AS few"
_OPTIONS = "SELECT unnest(reloptions) FROM pg_class WHERE oid = to_regclass(%(index)s)"
_SETTINGS = (
    "SELECT set_config('hnsw.ef_search', %(ef)s, true), set_config('ivfflat.probes', %(probes)s, true)"
)
_ITERATIVE = (
    f"{_SETTINGS}, set_config('hnsw.iterative_scan', 'strict_order', true), "
    "set_config('ivfflat.iterative_scan', 'relaxed_order', true)"
)


class DenseSearch:
    """Searches by vector, exactly or by an index.

    Args:
        is_iterative: whether pgvector goes on looking until enough rows pass a filter (0.8 and newer).
    """

    def __init__(self, settings: PgSettings, dimension: int, *, is_iterative: bool) -> None:
        self._settings = settings
        self._dimension = dimension
        self._is_iterative = is_iterative
        self._are_few: OrderedDict[tuple[Scope, UUID], bool] = OrderedDict()
        self._lock = threading.Lock()
        self._n_lists: int | None = None

    def search(self, view: View, vectors: Vectors, k: int) -> list[HitBatch]:
        """The `k` nearest chunks for each row of `vectors`; score descending, then chunk id."""
        queries = np.ascontiguousarray(vectors, dtype=np.float32)
        if self._settings.index == "none" or self._shows_few(view):
            return [self._exact(view, query, k) for query in queries]
        found = self._by_index(view, queries, k)
        return [
            _ranked(query, rows, k) if len(rows) >= k else self._exact(view, query, k)
            for query, rows in zip(queries, found, strict=True)
        ]

    def _exact(self, view: View, vector: Vectors, k: int) -> HitBatch:
        rows = view.rows(_EXACT, planned_anew=True, vector=vector, limit=k + _SPARE)
        if len(rows) == k + _SPARE:
            most = rows[k - 1][2] + self._dimension * _ROUNDING
            if rows[-1][2] <= most:
                return self._within(view, vector, most, k)
        return _ranked(vector, [(row[0], row[1]) for row in rows], k)

    def _within(self, view: View, vector: Vectors, most: float, k: int) -> HitBatch:
        """All chunks up to a distance, of which only the best are kept: many texts may be the same."""
        best: list[tuple[Any, ...]] = []
        sql = _WITHIN.replace("{shown}", view.shown)
        with view.reading.connection.cursor(name="within", binary=True) as cursor:
            cursor.execute(sql, {**view.values, "vector": vector, "most": most})
            while rows := cursor.fetchmany(_AT_ONCE):
                best += rows
                if len(best) > k + _AT_ONCE:
                    best = [best[i] for i in _order(vector, best, k)]
        return _ranked(vector, best, k)

    def _by_index(self, view: View, vectors: Vectors, k: int) -> list[list[tuple[Any, ...]]]:
        """What the index gives for each vector, in one round trip with its settings."""
        limit = k + max(_SPARE, k // 4)
        sql = _BY_INDEX
        if self._settings.halfvec:
            # Half precision puts near ones in another order: more are taken to be scored.
            sql, limit = _BY_HALF_INDEX.replace("{dimension}", f"{self._dimension:d}"), max(2 * limit, 64)
        statement = _ITERATIVE if self._is_iterative else _SETTINGS
        settings, connection = self._searched(view, k), view.reading.connection
        with connection.pipeline():
            connection.execute(statement, settings)
            cursors = [view.cursor(sql, vector=vector, limit=limit) for vector in vectors]
        return [cursor.fetchall() for cursor in cursors]

    def _shows_few(self, view: View) -> bool:
        """Whether a scope shows so few chunks that all can be compared."""
        key = (view.scope, view.reading.token)
        with self._lock:
            known = self._are_few.get(key)
        if known is None:
            most = self._settings.exact_below
            known = view.rows(_COUNT, most=most + 1)[0][0] <= most
            with self._lock:
                # A commit never changes, so neither does what a scope shows of it.
                self._are_few[key] = known
                while len(self._are_few) > _REMEMBERED:
                    self._are_few.popitem(last=False)
        return known

    def _searched(self, view: View, k: int) -> dict[str, str]:
        """How much of the index is searched."""
        settings = self._settings
        ef = min(1000, max(settings.ef_search, 2 * k))
        probes = settings.probes or math.ceil(_SEARCHED_LISTS * self._lists(view))
        return {"ef": str(ef), "probes": str(probes)}

    def _lists(self, view: View) -> int:
        """How many lists the index has; remembered, for it changes only where the index is built anew."""
        if self._settings.index != "ivfflat":
            return 10
        if self._n_lists is None:
            rows = view.reading.rows(_OPTIONS, {"index": INDEX})
            self._n_lists = next((int(o.partition("=")[2]) for (o,) in rows if o.startswith("lists=")), 100)
        return self._n_lists


def _order(vector: Vectors, rows: list[tuple[Any, ...]], k: int) -> list[int]:
    ids = as_ids([row[0].hex() for row in rows])
    order, _ = rank_cosines(vector, np.stack([row[1] for row in rows]), ids, k)
    return [int(i) for i in order]


def _ranked(vector: Vectors, rows: list[tuple[Any, ...]], k: int) -> HitBatch:
    if not rows:
        return HitBatch.empty()
    ids = as_ids([row[0].hex() for row in rows])
    order, scores = rank_cosines(vector, np.stack([row[1] for row in rows]), ids, k)
    return HitBatch(ids[order], scores)
