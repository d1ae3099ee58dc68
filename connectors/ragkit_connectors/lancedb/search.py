"""Search by words: ranked in memory by the postings of the files, as the embedded store does, exactly.

LanceDB's own text search is not asked: it has another analyzer, and statistics of its own over all tenants.
Where a reader's groups or a filter decide, LanceDB says which chunks they may show, and each hit is judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ragkit.arrays import HitBatch, near_top
from ragkit.protocols import TermRanker
from ragkit.store.bm25.formula import Bm25
from ragkit.store.bm25.search import Bm25Ranker
from ragkit.store.remote.view import View
from ragkit.store.remote.words import word
from ragkit_connectors.lancedb.errors import ChangedError
from ragkit_connectors.lancedb.server import LanceServer
from ragkit_connectors.lancedb.snapshot import Allowed, Snapshot, remembered

_MOST_RANKERS = 8
_MOST_ALLOWED = 256  # scopes whose rows are remembered, all of them within so many bytes
_ALLOWED_BYTES = 64 << 20
_AT_ONCE = 1_000  # hits that are judged
_WIDER = 4  # times as many hits are judged after one that was hidden
_ATTEMPTS = 6


class WordSearch:
    """Searches by terms."""

    def __init__(self, server: LanceServer, bm25: Bm25) -> None:
        self._server, self._bm25 = server, bm25

    def search(self, view: View, queries: Sequence[Sequence[str]], k: int) -> list[HitBatch]:
        """The `k` best chunks for each list of terms; score descending, then chunk id."""
        assert view.scope.commit is not None
        generation = None
        for _ in range(_ATTEMPTS):
            snapshot = self._server.snapshots.of(view.scope.commit, generation=generation)
            try:
                return [self._best(snapshot, view, [word(term) for term in terms], k) for terms in queries]
            except _OtherGenerationError as e:
                generation = e.generation
        raise ChangedError("the table was written anew all the time while it was asked for words. Try again")

    def _best(self, snapshot: Snapshot, view: View, terms: Sequence[str], k: int) -> HitBatch:
        ranker = self._ranker(snapshot, view)
        allowed = self._allowed(snapshot, view)
        most = max(len(snapshot.ids), 1)
        k = wide = min(k, most)
        while True:
            found = ranker.search(terms, wide, None if allowed is None else allowed.rows)
            near = near_top(found.scores, wide)
            rows, scores = found.rows[near], found.scores[near]
            order = np.lexsort((snapshot.ids[rows], -scores))[:wide]
            rows, scores = rows[order], scores[order]
            if (
                allowed is None
                or bool(allowed.judged[rows[:k]].all())
                or self._are_shown(snapshot, view, allowed, rows)
            ):
                return HitBatch(snapshot.ids[rows[:k]], scores[:k], found.ceiling)
            wide = min(_WIDER * wide, most)  # where many are hidden, the next few are likely to be too

    def _ranker(self, snapshot: Snapshot, view: View) -> TermRanker:
        """What ranks the tenant's chunks at the commit."""
        assert view.scope.commit is not None
        segments = [*snapshot.files, *snapshot.tail]
        key = (view.scope.commit, view.scope.tenant)
        return remembered(
            snapshot.rankers,
            key,
            lambda: Bm25Ranker(self._bm25, segments, snapshot.live(view)),
            _MOST_RANKERS,
        )

    def _allowed(self, snapshot: Snapshot, view: View) -> Allowed | None:
        """What the reader may see of it; None where that is all."""
        if view.scope.acl is None and view.scope.filter is None:
            return None
        most = min(_MOST_ALLOWED, 1 + _ALLOWED_BYTES // max(1, 2 * len(snapshot.ids)))
        return remembered(snapshot.allowed, view.scope, partial(self._asked, snapshot, view), most)

    def _asked(self, snapshot: Snapshot, view: View) -> Allowed:
        n = len(snapshot.ids)
        generation, numbers = self._server.numbers(view.shown)
        _check(snapshot, generation)
        rows = np.zeros(n, dtype=bool)
        rows[numbers[numbers < n]] = True
        return Allowed(rows & snapshot.live(view), np.zeros(n, dtype=bool))

    def _are_shown(self, snapshot: Snapshot, view: View, allowed: Allowed, rows: NDArray[np.intp]) -> bool:
        """Whether the scope shows all of these; those that it does not are not allowed any more."""
        new, n_hidden = rows[~allowed.judged[rows]].tolist(), 0
        for first in range(0, len(new), _AT_ONCE):
            some = new[first : first + _AT_ONCE]
            generation, found = self._server.judged(some)
            _check(snapshot, generation)
            shown = [row for row in some if row in found and view.shows(found[row])]
            hidden = np.setdiff1d(some, shown)
            allowed.rows[hidden] = False
            allowed.judged[shown] = True
            n_hidden += len(hidden)
        return n_hidden == 0


class _OtherGenerationError(Exception):
    """The table was written anew since the snapshot was read, and its chunks have other numbers."""

    def __init__(self, generation: int) -> None:
        super().__init__(generation)
        self.generation = generation


def _check(snapshot: Snapshot, generation: int) -> None:
    if generation != snapshot.generation:
        raise _OtherGenerationError(generation)
