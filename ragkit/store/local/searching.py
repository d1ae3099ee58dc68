"""The best chunks of a view, by vectors and by terms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragkit.arrays import HitBatch, near_top
from ragkit.protocols import Scope, TermRanker, Vectors
from ragkit.store.local.snapshot import View


def nearest(view: View, vectors: Vectors, k: int) -> list[HitBatch]:
    """The `k` nearest chunks by cosine similarity for each row of `vectors`."""
    ids = view.snapshot.table.ids
    # Places for more hits than there are chunks would cost memory, and time to fill, for nothing.
    found, scores = view.snapshot.index.search(vectors, min(k, max(len(ids), 1)), view.allowed)
    batches = []
    for rows, cosines in zip(found, scores, strict=True):
        if rows[-1] < 0:
            cosines, rows = cosines[rows >= 0], rows[rows >= 0]
        batches.append(HitBatch(ids[rows], cosines))
    return batches


def best_by_terms(
    view: View, ranker: TermRanker, queries: Sequence[Sequence[str]], k: int, scope: Scope
) -> list[HitBatch]:
    """The `k` best chunks by BM25 for each list of terms; ties in order of id."""
    all_ids = view.snapshot.table.ids
    k = min(k, max(len(all_ids), 1))
    # The ranker has left out what is not of its population; a mask is needed only for what is hidden
    # within it.
    allowed = view.allowed if scope.acl is not None or scope.filter is not None else None
    batches = []
    for terms in queries:
        found = ranker.search(terms, k, allowed)
        near = near_top(found.scores, k)
        ids, scores = all_ids[found.rows[near]], found.scores[near]
        order = np.lexsort((ids, -scores))[:k]
        batches.append(HitBatch(ids[order], scores[order], found.ceiling))
    return batches
