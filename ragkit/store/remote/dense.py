"""The nearest chunks: the server proposes, the scores are those of the stored float32 vectors."""

from __future__ import annotations

import math
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
        queries = np.ascontiguousarray(vectors, dtype=np.float32)
        found: list[HitBatch] = [HitBatch.empty() for _ in queries]
        open_, limit = list(range(len(queries))), k + _SPARE
        is_exact = self._shows_few(view)
        while open_:
            replies = view.server.nearest(view.shown, queries[open_], limit, is_exact=is_exact)
            short, ended_early = [], False
            for n, hits in zip(open_, replies, strict=True):
                near = self._near(view, hits, limit, k, is_exact=is_exact)
                if near is not None:
                    found[n] = _ranked(queries[n], near, k)
                    continue
                short.append(n)
                # A graph that is searched under a filter may end early; a comparison with all does not.
                ended_early |= len(hits) < limit
            open_, is_exact, limit = short, is_exact or ended_early, limit if ended_early else 4 * limit
        return found

    def _near(
        self, view: View, hits: list[Found], limit: int, k: int, *, is_exact: bool
    ) -> list[Found] | None:
        """What may be of the `k` best; None where the server may have given too little to tell."""
        kept: dict[str, Found] = {}
        for hit in hits:
            if math.isfinite(hit.score) and view.shows(hit.payload):
                kept.setdefault(hit.payload["id"], hit)  # a reply may name a chunk twice
        found, is_all = list(kept.values()), len(hits) < limit
        if len(found) < k:
            return found if is_all and is_exact else None
        # Hits come best first: what follows the last one is at most as near.
        cut = found[k - 1].score - self._margin
        return [hit for hit in found if hit.score >= cut] if is_all or hits[-1].score < cut else None

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
    read = {hit.payload["id"]: vector for hit in hits if (vector := hit.vector) is not None}
    if not read:
        return HitBatch.empty()
    ids = as_ids(list(read))
    order, scores = rank_cosines(query, np.stack(list(read.values())), ids, k)
    return HitBatch(ids[order], scores)
