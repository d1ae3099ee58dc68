"""The nearest chunks: the server proposes, the scores are those of the stored float32 vectors."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np

from ragkit.arrays import HitBatch, as_ids, rank_cosines
from ragkit.protocols import Scope, Vectors
from ragkit.store.remote.server import CHUNKS, Found
from ragkit.store.remote.view import View

# The server sums in float32, in an order of its own: by as much may its similarities differ, and a chunk this
# much below the cut may belong above it.
_ROUNDING = 2.0**-22
_SPARE = 16  # hits asked for beyond k, so that what ties with the last is mostly seen at once
_REMEMBERED = 512


class DenseSearch:
    """Searches by vector: exactly where a scope shows few chunks, else by the server's index.

    Args:
        dimension: length of a vector.
        exact_below: where a scope shows at most so many chunks, all are compared; None for always.
    """

    def __init__(self, dimension: int, exact_below: int | None) -> None:
        self._exact_below = exact_below
        self._margin = (dimension + 4) * _ROUNDING
        self._are_few: OrderedDict[Scope, bool] = OrderedDict()
        self._lock = threading.Lock()

    def search(self, view: View, vectors: Vectors, k: int) -> list[HitBatch]:
        """The `k` nearest chunks for each row of `vectors`; score descending, then chunk id."""
        if view.shown is False:
            return [HitBatch.empty() for _ in vectors]
        is_exact = self._shows_few(view)
        return [self._nearest(view, vector, k, is_exact) for vector in vectors]

    def _nearest(self, view: View, vector: Vectors, k: int, is_exact: bool) -> HitBatch:
        query = np.ascontiguousarray(vector, dtype=np.float32)
        limit = k + _SPARE
        while True:
            hits = view.server.nearest(view.shown, query, limit, is_exact=is_exact)
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

    def _shows_few(self, view: View) -> bool:
        """Whether a scope shows so few chunks that all can be compared."""
        if self._exact_below is None:
            return True
        with self._lock:
            known = self._are_few.get(view.scope)
        if known is None:
            known = view.server.count(CHUNKS, view.shown) <= self._exact_below
            with self._lock:
                # A commit never changes, so neither does what a scope shows of it.
                self._are_few[view.scope] = known
                while len(self._are_few) > _REMEMBERED:
                    self._are_few.popitem(last=False)
        return known


def _ranked(query: Vectors, hits: list[Found], k: int) -> HitBatch:
    # Of a reply that names a chunk twice, one.
    unique = {hit.payload["id"]: hit.vector for hit in hits if hit.vector is not None}
    if not unique:
        return HitBatch.empty()
    ids = as_ids(list(unique))
    order, scores = rank_cosines(query, np.stack(list(unique.values())), ids, k)
    return HitBatch(ids[order], scores)
