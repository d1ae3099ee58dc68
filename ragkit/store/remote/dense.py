"""The nearest chunks: the server proposes, the scores are those of the stored float32 vectors."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from ragkit.arrays import HitBatch
from ragkit.protocols import Scope, Vectors
from ragkit.store.remote.crowds import Crowds
from ragkit.store.remote.rank import Ranker, ranker_of
from ragkit.store.remote.server import CHUNKS, Found, RemoteServer
from ragkit.store.remote.view import View

_REMEMBERED = 512


class DenseSearch:
    """Searches by vector: exactly where a scope shows few chunks, else by the server's index.

    Args:
        server: what is asked; a `ScoringServer` is asked for scores alone where it can tell them.
        dimension: length of a vector.
        exact_below: where a scope shows at most so many chunks, all are compared; None for always.
    """

    def __init__(self, server: RemoteServer, dimension: int, exact_below: int | None) -> None:
        self._exact_below = exact_below
        self._ranker: Ranker = ranker_of(server, dimension)
        self._are_few: OrderedDict[Scope, bool] = OrderedDict()
        self._crowds = Crowds(server)
        self._lock = threading.Lock()

    def search(self, view: View, vectors: Vectors, k: int) -> list[HitBatch]:
        """The `k` nearest chunks for each row of `vectors`; score descending, then chunk id."""
        if view.readable is False:
            return [HitBatch.empty() for _ in vectors]
        queries = np.ascontiguousarray(vectors, dtype=np.float32)
        near: list[list[Found]] = [[] for _ in queries]
        open_, limit = list(range(len(queries))), k + self._ranker.spare
        is_exact, (condition, is_wide) = self._shows_few(view), self._crowds.condition(view)
        while open_:
            replies = self._ranker.ask(view, condition, queries[open_], limit, is_exact=is_exact)
            short, ended_early, is_crowded = [], False, False
            for n, hits in zip(open_, replies, strict=True):
                kept = _judged(view, hits)
                found = self._near(kept, hits, limit, k, is_exact=is_exact)
                if found is not None:
                    near[n] = found
                    continue
                short.append(n)
                # A graph that is searched under a filter may end early; a comparison with all does not.
                ended_early |= len(hits) < limit
                is_crowded |= is_wide and len(kept) < len(hits)
            if is_crowded:
                condition, is_wide, open_ = self._crowds.note(view), False, short
                continue
            open_, is_exact, limit = short, is_exact or ended_early, limit if ended_early else 4 * limit
        return self._ranker.rank(queries, near, k)

    def _near(
        self, kept: list[Found], hits: Sequence[Found], limit: int, k: int, *, is_exact: bool
    ) -> list[Found] | None:
        """What may be of the `k` best; None where the server may have given too little to tell."""
        is_all = len(hits) < limit
        if len(kept) < k:
            return kept if is_all and is_exact else None
        # Hits come best first: what follows the last one is at most as near.
        cut = kept[k - 1].score - self._ranker.margin
        return [hit for hit in kept if hit.score >= cut] if is_all or hits[-1].score < cut else None

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


def _judged(view: View, hits: Sequence[Found]) -> list[Found]:
    """The hits that the scope shows."""
    kept: dict[str, Found] = {}
    for hit in hits:
        if math.isfinite(hit.score) and view.shows(hit.payload):
            kept.setdefault(hit.payload["id"], hit)  # a reply may name a chunk twice
    return list(kept.values())
