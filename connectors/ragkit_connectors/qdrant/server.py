"""Qdrant as a store on servers knows it, behind one door: retries, typed errors, one thread in local mode."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ragkit.errors import StoreError, TransientStoreError
from ragkit.protocols import Vectors
from ragkit.store.files import files_in
from ragkit.store.remote.conditions import Condition, all_of, equals
from ragkit.store.remote.head import HEAD
from ragkit.store.remote.points import COUNTED, JUDGED
from ragkit.store.remote.rank import MOST_ERROR
from ragkit.store.remote.server import CHUNKS, RECORDS, Found, Place, Point
from ragkit_connectors.qdrant.points import numbered
from ragkit_connectors.qdrant.port import Nearby, Qdrant, Question
from ragkit_connectors.qdrant.settings import QdrantSettings, where_of

_AT_ONCE = 32  # queries of one request
_FIRST_WAIT_S = 0.1
_LANES = 16  # floats that Qdrant sums side by side at least, where vectors are longer than 32 numbers
_STEPS = 32  # sums in a row besides: of shorter vectors, or of what the lanes hold
_HALF_STEP = 2.0**-24  # of float32


class QdrantServer:
    """Calls of Qdrant. Each may be made again: all that is written has an id or a condition of its own.

    Args:
        settings: where it is.
        qdrant: what says the calls.
        again: makes another one after a fork, since two processes must not share connections; None where
            there is one process.
    """

    restore = "Restore both collections from a snapshot"
    sparse_loss = 0.0

    def __init__(
        self, settings: QdrantSettings, qdrant: Qdrant, again: Callable[[], Qdrant] | None = None
    ) -> None:
        self.settings = settings
        self._again = again
        self._process = os.getpid()
        self.where = where_of(settings)
        self.lease_s = settings.lease_s
        self.score_error: float | None = None
        self._qdrant = qdrant
        self._errors = qdrant.failures()
        # The client's local mode lets one thread in.
        self._guard: Any = threading.RLock() if settings.is_local else nullcontext()

    def call(self, name: str, *given: Any, **named: Any) -> Any:
        """What a method of `Qdrant` gives, asked again where it fails for now.

        Raises:
            StoreError: it fails; `TransientStoreError` where the same call may go through later.
        """
        if self._again is not None and self._process != os.getpid():
            self._qdrant, self._process = self._again(), os.getpid()
        wait_s = _FIRST_WAIT_S
        for attempt in range(1, self.settings.attempts + 1):
            try:
                with self._guard:
                    return getattr(self._qdrant, name)(*given, **named)
            except StoreError:
                raise
            except self._errors as e:
                error = self._qdrant.explain(e, self.where)
                if not isinstance(error, TransientStoreError) or attempt == self.settings.attempts:
                    raise error from e
            time.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311  (so that clients do not march in step)
            wait_s *= 2
        raise AssertionError("unreachable")

    def trust_scores(self, dimension: int) -> None:
        """Takes similarities as Qdrant tells them, where its sums cannot be off by more than stores may be.

        It multiplies float32 numbers in lanes, so that no number goes through more sums than there are steps.
        """
        error = (dimension / _LANES + _STEPS) * _HALF_STEP
        self.score_error = error if error <= MOST_ERROR else None

    def named(self, place: Place) -> str:
        """The collection of a place."""
        return self.settings.collection if place == CHUNKS else self.settings.meta

    # --- what `RemoteServer` says -----------------------------------------------------------------

    def head(self) -> dict[str, Any] | None:
        """The record of commits."""
        found: dict[str, Found] = self.call("retrieve", self.settings.meta, [HEAD], is_read=False)
        return found[HEAD].payload if HEAD in found else None

    def change_head(self, values: Mapping[str, Any], expected: Mapping[str, str | int]) -> None:
        """Sets keys under a condition, in one step of the server."""
        wanted = all_of(equals(key, value) for key, value in expected.items())
        self.call("set", self.settings.meta, values, wanted, HEAD)
        if "number" in values:
            self.call("settle", self.settings.meta)

    def write(self, place: Place, points: Sequence[Point], *, replace: bool = False) -> None:
        """Writes points under their ids."""
        self.call("put", self.named(place), points)

    def set(self, place: Place, values: Mapping[str, Any], condition: Condition) -> None:
        """Sets keys of all points for which a condition holds, in one step of the server."""
        if condition is not False:
            self.call("set", self.named(place), values, condition, None)

    def delete(self, place: Place, condition: Condition) -> None:
        """Removes all points for which a condition holds."""
        if condition is not False:
            self.call("delete", self.named(place), condition)

    def remove(self, place: Place, ids: Sequence[str]) -> None:
        """Removes the points with these ids."""
        if ids:
            self.call("remove", self.named(place), ids)

    def settle(self) -> None:
        """What is written is found at once; chunks outlast the machine's end from here on.

        Records do with the commit that names them: the engine's log keeps their order.
        """
        self.call("settle", self.settings.collection)

    def tidy(self, *, is_erased: bool) -> None:
        """Lets go of the room of what was deleted; see `Qdrant.tidy`."""
        self.call("tidy", is_erased=is_erased)

    def count(self, place: Place, condition: Condition) -> int:
        """For how many points a condition holds, exactly."""
        return 0 if condition is False else int(self.call("count", self.named(place), condition))

    def counts(self, place: Place, conditions: Sequence[Condition]) -> list[int]:
        """One request for each condition."""
        return [self.count(place, condition) for condition in conditions]

    def scroll(
        self, place: Place, condition: Condition, keys: Sequence[str], *, vectors: bool = False
    ) -> Iterator[Found]:
        """All points for which a condition holds, a page at a time, in no order."""
        offset = None
        while condition is not False:
            found, offset = self.call("page", self.named(place), condition, keys, offset, is_read=vectors)
            yield from found
            if offset is None:
                return

    def nearest(
        self, condition: Condition, vectors: Vectors, limit: int, *, is_exact: bool
    ) -> list[list[Found]]:
        """By the HNSW index, or by comparing with all; several vectors in one request."""
        return self._nearest(condition, vectors, limit, JUDGED, is_exact=is_exact, is_read=True)

    def nearest_scores(
        self, condition: Condition, vectors: Vectors, limit: int, keys: Sequence[str], *, is_exact: bool
    ) -> list[list[Found]]:
        """The same with these keys, and without vectors."""
        return self._nearest(condition, vectors, limit, keys, is_exact=is_exact, is_read=False)

    def vectors_of(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """The stored vectors of the points with these ids that are there."""
        found: dict[str, Found] = self.call("retrieve", self.settings.collection, ids, is_read=True)
        read = {name: hit.vector for name, hit in found.items()}
        return {name: vector for name, vector in read.items() if vector is not None}

    def _nearest(
        self,
        condition: Condition,
        vectors: Vectors,
        limit: int,
        keys: Sequence[str],
        *,
        is_exact: bool,
        is_read: bool,
    ) -> list[list[Found]]:
        ef = None if is_exact else max(self.settings.ef_search, limit)
        asked = [Nearby(vector, ef, is_read) for vector in vectors.tolist()]
        return self._asked(asked, condition, keys, limit)

    def propose(
        self, condition: Condition, queries: Sequence[Mapping[str, float]], limit: int
    ) -> list[list[Found]]:
        """By sparse vectors, several queries in one request."""
        return self._asked([numbered(weights) for weights in queries], condition, COUNTED, limit)

    def _asked(
        self, questions: Sequence[Question], condition: Condition, keys: Sequence[str], limit: int
    ) -> list[list[Found]]:
        """The points that each question gives, in as few requests as may be."""
        found: list[list[Found]] = []
        for first in range(0, len(questions), _AT_ONCE):
            some = questions[first : first + _AT_ONCE]
            found += self.call("ask", self.settings.collection, some, condition, keys, limit)
        return found

    def n_bytes(self) -> int:
        """Of the folder of local mode or the engine; a server does not tell."""
        if self.settings.path is None:
            return 0
        folder = Path(str(self.settings.path))
        own = (
            [folder / self.named(CHUNKS), folder / self.named(RECORDS)] if self.settings.is_edge else [folder]
        )
        return sum(_room(file) for place in own for file in files_in(place))

    def close(self) -> None:
        """Closes it."""
        with self._guard:
            self._qdrant.close()


def _room(file: os.stat_result) -> int:
    """What a file takes of the disk: the engine makes files of 32 MB that are mostly holes."""
    return min(file.st_size, 512 * file.st_blocks) if hasattr(file, "st_blocks") else file.st_size
