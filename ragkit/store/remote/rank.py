"""From hits to a ranking: scores summed in float64 from stored vectors, as on every store.

A server that compares with the stored vectors themselves tells similarities whose error is known. Hits
further apart than twice that error stand in the right order, so only the vectors of the others must be read.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ragkit.arrays import HitBatch, as_ids, rank_cosines
from ragkit.protocols import Vectors
from ragkit.store.remote.conditions import Condition
from ragkit.store.remote.points import chunk_point_id
from ragkit.store.remote.server import Found, RemoteServer, ScoringServer
from ragkit.store.remote.view import View

# Where a server sums in float32 in an order of its own, by as much may its similarities differ: a chunk this
# much below the cut may belong above it.
_ROUNDING = 2.0**-22
_HALF_STEP = 2.0**-24  # of float32 below 1: by as much two exact scores may differ that are rounded to one
MOST_ERROR = 1e-5  # what stores may differ by


class Ranker(Protocol):
    """Asks for hits, and ranks what may belong among the best.

    `spare` says how many hits are asked for beyond `k`, so that what ties with the last is mostly seen at
    once; `margin` how far below the cut a hit may lie that belongs above it.
    """

    spare: int
    margin: float

    @abstractmethod
    def ask(
        self, view: View, condition: Condition, queries: Vectors, limit: int, *, is_exact: bool
    ) -> list[list[Found]]:
        """Hits for each query, best first."""

    @abstractmethod
    def rank(self, queries: Vectors, near: Sequence[list[Found]], k: int) -> list[HitBatch]:
        """The `k` best of these hits for each query; score descending, then chunk id."""


def ranker_of(server: RemoteServer, dimension: int) -> Ranker:
    """By the server's scores where it is known how far they can be trusted, else by vectors."""
    if isinstance(server, ScoringServer) and (error := server.score_error) is not None:
        return ByScores(server, error)
    return ByVectors(dimension)


class ByVectors:
    """Reads the vector of each hit near the cut."""

    spare = 16

    def __init__(self, dimension: int) -> None:
        self.margin = (dimension + 4) * _ROUNDING

    def ask(
        self, view: View, condition: Condition, queries: Vectors, limit: int, *, is_exact: bool
    ) -> list[list[Found]]:
        """Hits with their vectors."""
        return view.server.nearest(condition, queries, limit, is_exact=is_exact)

    def rank(self, queries: Vectors, near: Sequence[list[Found]], k: int) -> list[HitBatch]:
        """By the vectors of all."""
        return [_by_vectors(query, hits, k) for query, hits in zip(queries, near, strict=True)]


class ByScores:
    """Reads the vectors of hits alone that lie too near to one another to be told apart."""

    spare = 8  # the margin is less than a tenth of the other's

    def __init__(self, server: ScoringServer, error: float) -> None:
        self._server = server
        self.margin = 2 * (error + _HALF_STEP)

    def ask(
        self, view: View, condition: Condition, queries: Vectors, limit: int, *, is_exact: bool
    ) -> list[list[Found]]:
        """Hits without vectors."""
        return self._server.nearest_scores(condition, queries, limit, view.judged, is_exact=is_exact)

    def rank(self, queries: Vectors, near: Sequence[list[Found]], k: int) -> list[HitBatch]:
        """By the scores, and by vectors where scores may tie; these are read in one request."""
        scores = [np.array([hit.score for hit in hits], dtype=np.float64) for hits in near]
        close = [_close(own, self.margin) for own in scores]
        asked = {
            _point_of(hits[at]): None
            for hits, places in zip(near, close, strict=True)
            for at in places.tolist()
        }
        if not asked:
            return [_of(hits, own, k) for hits, own in zip(near, scores, strict=True)]
        read = self._server.vectors_of(list(asked))
        for query, hits, own, places in zip(queries, near, scores, close, strict=True):
            for at in places.tolist():
                vector = read.get(_point_of(hits[at]))
                # What is gone meanwhile is no hit.
                own[at] = -np.inf if vector is None else vector.astype(np.float64) @ query.astype(np.float64)
        return [_of(hits, own, k) for hits, own in zip(near, scores, strict=True)]


def _close(scores: np.ndarray, margin: float) -> np.ndarray:
    """The places, in a list of falling scores, of those that have a neighbour within the margin."""
    if len(scores) < 2:
        return np.empty(0, dtype=np.intp)
    is_near = np.abs(scores[:-1] - scores[1:]) <= margin
    if not is_near.any():
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(np.append(is_near, False) | np.append(False, is_near))


def _of(hits: list[Found], scores: np.ndarray, k: int) -> HitBatch:
    """The `k` best of hits with exact scores, rounded once."""
    ids = as_ids([hit.payload["id"] for hit in hits])
    rounded = scores.astype(np.float32)
    order = np.lexsort((ids, -rounded))[:k]
    best = rounded[order]
    there = best > -np.inf
    return HitBatch(ids[order][there], best[there].clip(-1.0, 1.0))


def _by_vectors(query: Vectors, hits: list[Found], k: int) -> HitBatch:
    read = {hit.payload["id"]: vector for hit in hits if (vector := hit.vector) is not None}
    if not read:
        return HitBatch.empty()
    ids = as_ids(list(read))
    order, scores = rank_cosines(query, np.stack(list(read.values())), ids, k)
    return HitBatch(ids[order], scores)


def _point_of(hit: Found) -> str:
    return chunk_point_id(hit.payload["id"], hit.payload["from"])
