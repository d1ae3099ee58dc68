"""The nearest chunks: the database proposes, the scores are those of the stored float32 vectors."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from ragkit.arrays import ID_BYTES, HitBatch, Ids, rank_cosines
from ragkit.protocols import Scope, Vectors
from ragkit_connectors.pgvector.approximate import INDEX
from ragkit_connectors.pgvector.database import SessionSettings
from ragkit_connectors.pgvector.once import Once
from ragkit_connectors.pgvector.settings import PgSettings
from ragkit_connectors.pgvector.vendor import vectors_of
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

# Added to 0 the order is none that an index gives. Where the rows lie is sorted, and not what is in them: to
# carry each vector into the sort takes a tenth of the comparison again.
_EXACT = """
SELECT e.id, vector_send(e.embedding), near.distance FROM (
    SELECT c.ctid AS place, (c.embedding <#> %(vector)s) + 0 AS distance FROM chunks c WHERE {shown}
    ORDER BY distance LIMIT %(limit)s
) near JOIN chunks e ON e.ctid = near.place
"""
# vector_send: as bytes all of them are read in one go.
_WITHIN = """
SELECT c.id, vector_send(c.embedding) FROM chunks c
WHERE {shown} AND (c.embedding <#> %(vector)s) + 0 <= %(most)s
"""
_BY_INDEX = """
SELECT c.id, vector_send(c.embedding) FROM chunks c WHERE {shown}
ORDER BY c.embedding <#> %(vector)s LIMIT %(limit)s
"""
_BY_HALF_INDEX = """
SELECT c.id, vector_send(c.embedding) FROM chunks c WHERE {shown}
ORDER BY c.embedding::halfvec({dimension}) <#> %(vector)s::halfvec({dimension}) LIMIT %(limit)s
"""
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM chunks c WHERE {shown} LIMIT %(most)s) AS few"
_OPTIONS = "SELECT unnest(reloptions) FROM pg_class WHERE oid = to_regclass(%(index)s)"
_SETTINGS = "SELECT set_config('hnsw.ef_search', %s, false), set_config('ivfflat.probes', %s, false)"
_ITERATIVE = (
    f"{_SETTINGS}, set_config('hnsw.iterative_scan', 'strict_order', false), "
    "set_config('ivfflat.iterative_scan', 'relaxed_order', false)"
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
        self._are_few: OrderedDict[Scope, tuple[bytes, bool]] = OrderedDict()
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

    def at_once(self, once: Once, vectors: Vectors, k: int) -> list[HitBatch] | None:
        """The same in one round trip; None where that does not do: then `search` has to."""
        token, shows_few = None, True
        if self._settings.index != "none":
            with self._lock:
                known = self._are_few.get(once.scope)
            if known is None:
                return None
            token, shows_few = known
        queries = np.ascontiguousarray(vectors, dtype=np.float32)
        statement, limit = (_EXACT, k + _SPARE) if shows_few else self._nearest(k)
        searched = None if shows_few else self._searched(k, once.rows)
        found = once.all_rows(statement, [{"vector": q, "limit": limit} for q in queries], searched)
        if token is not None and any(one.pointer.token != token for one in found):
            return None
        if shows_few:
            are_whole = all(self._within_most(one.rows, k) is None for one in found)
        else:
            are_whole = all(len(one.rows) >= k for one in found)
        if not are_whole:
            return None
        return [_ranked(query, one.rows, k) for query, one in zip(queries, found, strict=True)]

    def _exact(self, view: View, vector: Vectors, k: int) -> HitBatch:
        rows = view.rows(_EXACT, vector=vector, limit=k + _SPARE)
        most = self._within_most(rows, k)
        return _ranked(vector, rows, k) if most is None else self._within(view, vector, most, k)

    def _within_most(self, rows: list[tuple[Any, ...]], k: int) -> float | None:
        """The distance up to which a chunk may be of the `k` nearest; None where all of those are here."""
        if len(rows) < k + _SPARE:
            return None
        distances = sorted(row[2] for row in rows)
        most = float(distances[k - 1]) + self._dimension * _ROUNDING
        return most if distances[-1] <= most else None

    def _within(self, view: View, vector: Vectors, most: float, k: int) -> HitBatch:
        """All chunks up to a distance, of which only the best are kept: many texts may be the same."""
        best: list[tuple[Any, ...]] = []
        with view.reading.connection.cursor(name="within", binary=True) as cursor:
            cursor.execute(view.shown.sql(_WITHIN), {**view.shown.values, "vector": vector, "most": most})
            while rows := cursor.fetchmany(_AT_ONCE):
                best += rows
                if len(best) > k + _AT_ONCE:
                    best = [best[i] for i in _order(vector, best, k)]
        return _ranked(vector, best, k)

    def _by_index(self, view: View, vectors: Vectors, k: int) -> list[list[tuple[Any, ...]]]:
        """What the index gives for each vector, in one round trip with its settings."""
        (sql, limit), settings = self._nearest(k), self._searched(k, view.rows)
        connection = view.reading.connection
        with connection.pipeline():
            connection.execute(*settings)
            cursors = [view.cursor(sql, vector=vector, limit=limit) for vector in vectors]
        connection.searched = settings  # type: ignore[attr-defined]
        return [cursor.fetchall() for cursor in cursors]

    def _nearest(self, k: int) -> tuple[str, int]:
        """The statement that asks the index, and for how many."""
        limit = k + max(_SPARE, k // 4)
        if not self._settings.halfvec:
            return _BY_INDEX, limit
        # Half precision puts near ones in another order: more are taken to be scored.
        return _BY_HALF_INDEX.replace("{dimension}", f"{self._dimension:d}"), max(2 * limit, 64)

    def _shows_few(self, view: View) -> bool:
        """Whether a scope shows so few chunks that all can be compared."""
        token = view.reading.pointer.token
        with self._lock:
            known = self._are_few.get(view.scope)
        if known is not None and known[0] == token:
            return known[1]
        most = self._settings.exact_below
        few = view.rows(_COUNT, most=most + 1)[0][0] <= most
        with self._lock:
            # A commit never changes, so neither does what a scope shows of it.
            self._are_few[view.scope] = (token, few)
            while len(self._are_few) > _REMEMBERED:
                self._are_few.popitem(last=False)
        return bool(few)

    def _searched(self, k: int, ask: Callable[..., list[tuple[Any, ...]]]) -> SessionSettings:
        """How much of the index is searched."""
        settings = self._settings
        ef = min(1000, max(settings.ef_search, 2 * k))
        probes = settings.probes or math.ceil(_SEARCHED_LISTS * self._lists(ask))
        return (_ITERATIVE if self._is_iterative else _SETTINGS), (str(ef), str(probes))

    def _lists(self, ask: Callable[..., list[tuple[Any, ...]]]) -> int:
        """How many lists the index has; remembered, for it changes only where the index is built anew."""
        if self._settings.index != "ivfflat":
            return 10
        if self._n_lists is None:
            rows = ask(_OPTIONS, index=INDEX)
            self._n_lists = next((int(o.partition("=")[2]) for (o,) in rows if o.startswith("lists=")), 100)
        return self._n_lists


def _order(vector: Vectors, rows: list[tuple[Any, ...]], k: int) -> list[int]:
    order, _ = rank_cosines(vector, *_columns(rows), k)
    return [int(i) for i in order]


def _ranked(vector: Vectors, rows: list[tuple[Any, ...]], k: int) -> HitBatch:
    if not rows:
        return HitBatch.empty()
    vectors, ids = _columns(rows)
    order, scores = rank_cosines(vector, vectors, ids, k)
    return HitBatch(ids[order], scores)


def _columns(rows: list[tuple[Any, ...]]) -> tuple[Vectors, Ids]:
    ids = b"".join([row[0] for row in rows]).hex().encode()
    return vectors_of([row[1] for row in rows]), np.frombuffer(ids, f"S{ID_BYTES}")
