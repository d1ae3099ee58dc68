"""The nearest chunks: the server proposes, the scores are those of the stored float32 vectors."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import numpy as np

from ragkit.arrays import HitBatch, as_ids, rank_cosines
from ragkit.protocols import Scope, Vectors
from ragkit_connectors.qdrant.filters import as_filter
from ragkit_connectors.qdrant.points import DENSE, JUDGED, vector_of
from ragkit_connectors.qdrant.settings import QdrantSettings
from ragkit_connectors.qdrant.view import View

# The server sums in float32, in an order of its own: by as much may its similarities differ, and a chunk this
# much below the cut may belong above it.
_ROUNDING = 2.0**-22
_SPARE = 16  # hits asked for beyond k, so that what ties with the last is mostly seen at once
_REMEMBERED = 512


class DenseSearch:
    """Searches by vector: exactly where a scope shows few chunks, else by the server's HNSW index."""

    def __init__(self, settings: QdrantSettings, dimension: int) -> None:
        self._settings = settings
        self._margin = dimension * _ROUNDING
        self._are_few: OrderedDict[Scope, bool] = OrderedDict()
        self._lock = threading.Lock()

    def search(self, view: View, vectors: Vectors, k: int) -> list[HitBatch]:
        """The `k` nearest chunks for each row of `vectors`; score descending, then chunk id."""
        if view.shown is False:
            return [HitBatch.empty() for _ in vectors]
        is_exact = self._settings.is_local or self._shows_few(view)
        return [self._nearest(view, vector, k, is_exact) for vector in vectors]

    def _nearest(self, view: View, vector: Vectors, k: int, is_exact: bool) -> HitBatch:
        query = np.ascontiguousarray(vector, dtype=np.float32)
        limit = k + _SPARE
        while True:
            hits = self._ask(view, query, limit, is_exact)
            kept = [hit for hit in hits if np.isfinite(hit.score) and view.shows(hit.payload)]
            is_all = len(hits) < limit
            if is_all and len(kept) < k and not is_exact:
                # A graph that is searched under a filter may end early; a comparison with all does not.
                is_exact = True
                continue
            # Hits come best first: what follows the last one is at most as near.
            if is_all or (len(kept) >= k and hits[-1].score < kept[k - 1].score - self._margin):
                return _ranked(query, kept, k)
            limit *= 4

    def _ask(self, view: View, query: Vectors, limit: int, is_exact: bool) -> list[Any]:
        from qdrant_client import models

        params = None
        if not self._settings.is_local:  # which compares with all anyway, and warns of the parameter
            ef = None if is_exact else max(self._settings.ef_search, limit)
            params = models.SearchParams(exact=is_exact, hnsw_ef=ef)
        answer = view.server.call(
            "query_points",
            collection_name=self._settings.collection,
            query=query.tolist(),
            using=DENSE,
            query_filter=as_filter(view.shown),
            search_params=params,
            limit=limit,
            with_payload=list(JUDGED),
            with_vectors=[DENSE],
        )
        return list(answer.points)

    def _shows_few(self, view: View) -> bool:
        """Whether a scope shows so few chunks that all can be compared."""
        with self._lock:
            known = self._are_few.get(view.scope)
        if known is None:
            known = view.server.count(self._settings.collection, view.shown) <= self._settings.exact_below
            with self._lock:
                # A commit never changes, so neither does what a scope shows of it.
                self._are_few[view.scope] = known
                while len(self._are_few) > _REMEMBERED:
                    self._are_few.popitem(last=False)
        return known


def _ranked(query: Vectors, hits: list[Any], k: int) -> HitBatch:
    # Of a reply that names a chunk twice, one.
    unique = list({hit.payload["id"]: hit for hit in hits}.values())
    if not unique:
        return HitBatch.empty()
    ids = as_ids([hit.payload["id"] for hit in unique])
    order, scores = rank_cosines(query, np.stack([vector_of(hit) for hit in unique]), ids, k)
    return HitBatch(ids[order], scores)
