"""Milvus as a server that holds an index; see `ragkit.store.remote.server`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ragkit.errors import StoreError
from ragkit.protocols import Vectors
from ragkit.store.remote.conditions import Among, Condition, all_of, is_among
from ragkit.store.remote.head import OPEN
from ragkit.store.remote.points import COUNTED, JUDGED, term_weights
from ragkit.store.remote.server import CHUNKS, RECORDS, Found, Place, Point
from ragkit_connectors.milvus.calls import Calls
from ragkit_connectors.milvus.ends import Ends
from ragkit_connectors.milvus.errors import TooLargeError
from ragkit_connectors.milvus.expressions import expression, with_pks
from ragkit_connectors.milvus.rows import DENSE, TERMS, columns_of, found_of, row_of, summed
from ragkit_connectors.milvus.settings import MilvusSettings
from ragkit_connectors.milvus.turn import Turn

MOST_HITS = 16_384  # Milvus' limit
_PAGE = 500
_PAGE_OF_LARGE = 50  # rows that hold vectors or whole documents
_QUERIES_AT_ONCE = 16
_STRONG: dict[str, Any] = {"consistency_level": "Strong"}


class MilvusServer:
    """Calls of a client. Each may be made again: all that is written has a key of its own.

    All reading waits for what was written before, by whomever (consistency level Strong).
    """

    restore = "Restore the collections from a backup"
    sparse_loss = 1e-3  # for versions whose index rounds weights

    def __init__(self, settings: MilvusSettings, make_client: Callable[[str], Any]) -> None:
        self.settings = settings
        self._calls = Calls(settings, make_client)
        self.where = self._calls.where
        self.lease_s = settings.lease_s
        self.turn = Turn(self._calls)
        self._ends = Ends(self._calls, self.named, self._rows)

    def call(self, name: str, *given: Any, **arguments: Any) -> Any:
        """What a method of the client gives.

        Raises:
            StoreError: see `Calls.call`.
        """
        return self._calls.call(name, *given, **arguments)

    def named(self, place: Place) -> str:
        """The collection of a place."""
        return self.settings.collection if place == CHUNKS else self.settings.records

    # --- the record of commits --------------------------------------------------------------------

    def head(self) -> dict[str, Any] | None:
        """The record of commits, and with it what the last commit has ended."""
        while True:
            _, raw = self.turn.read()
            if raw is None or self._ends.learn(raw.get("pending") or ()):
                return raw

    def change_head(self, values: Mapping[str, Any], expected: Mapping[str, str | int]) -> None:
        """Makes a version of the record from the current one, if that holds what is expected."""
        while True:
            version, raw = self.turn.read()
            if version is None or raw is None or any(raw.get(k) != v for k, v in expected.items()):
                return
            pending = list(raw.get("pending") or ())
            left = [number for number in pending if not self._ends.is_written(number)]
            number = values.get("number")
            if number is not None and self._ends.is_noted(number):
                left.append(number)
            if self.turn.change({**raw, **values, "pending": left}, version):
                break
        gone = [number for number in pending if number not in left]
        # What has happened is no failure: whoever writes next does the rest.
        with contextlib.suppress(StoreError):
            self._ends.forget(gone)
            if number is not None or values.get("owner"):
                self._ends.learn(left)
                self._ends.write(left)

    def begin(self, point: Point, make: Callable[[str], None]) -> None:
        """Makes the record of an index without commits, unless somebody else has."""
        self.turn.begin(make)
        version, raw = self.turn.read()
        if raw is None and version is not None:
            self.turn.change({**point.payload, "pending": []}, version)

    # --- writing ----------------------------------------------------------------------------------

    def write(self, place: Place, points: Sequence[Point], *, replace: bool = False) -> None:
        """Writes points under their ids."""
        if points:
            self.call(
                "upsert", self.named(place), data=[row_of(point, place, self.where) for point in points]
            )

    def set(self, place: Place, values: Mapping[str, Any], condition: Condition) -> None:
        """Notes that a commit ends rows, or that one which never happened does not."""
        if condition is False:
            return
        assert values.keys() == {"to"}, "no other key of a point is ever changed"
        if values["to"] != OPEN:
            self._ends.note(place, values["to"], condition)
        elif place != CHUNKS:  # once for both places
            assert isinstance(condition, Among)
            self._ends.forget([int(number) for number in condition.values])

    def delete(self, place: Place, condition: Condition) -> None:
        """Removes all points for which a condition holds."""
        if condition is not False:
            self.call("delete", self.named(place), filter=self._said(condition, place))

    def remove(self, place: Place, ids: Sequence[str]) -> None:
        """Removes the points with these ids."""
        if ids:
            self.call("delete", self.named(place), filter=with_pks(ids))

    def settle(self) -> None:
        """Nothing to do: all reading waits for what was written before."""

    # --- reading ----------------------------------------------------------------------------------

    def count(self, place: Place, condition: Condition) -> int:
        """For how many points a condition holds, exactly."""
        if condition is False:
            return 0
        found = self.call(
            "query",
            self.named(place),
            filter=self._said(condition, place),
            output_fields=["count(*)"],
            **_STRONG,
        )
        return int(found[0]["count(*)"])

    def counts(self, place: Place, conditions: Sequence[Condition]) -> list[int]:
        """One request for each condition."""
        return [self.count(place, condition) for condition in conditions]

    def scroll(
        self, place: Place, condition: Condition, keys: Sequence[str], *, vectors: bool = False
    ) -> Iterator[Found]:
        """All points for which a condition holds, a page at a time, in no order."""
        if condition is False:
            return
        ended = self._ends.of(place)
        is_large = vectors or "record" in keys
        for row in self._rows(
            place, self._said(condition, place), columns_of(keys, place, vectors=vectors),
            page=_PAGE_OF_LARGE if is_large else _PAGE,
        ):  # fmt: skip
            yield found_of(row, place, ended)

    def nearest(
        self, condition: Condition, vectors: Vectors, limit: int, *, is_exact: bool
    ) -> list[list[Found]]:
        """By the index, or by comparing with all here where the index is a graph.

        What is scored here orders what comes back.
        """
        is_graph = self.settings.index == "hnsw"
        if limit > MOST_HITS or (is_exact and is_graph):
            rows = list(self.scroll(CHUNKS, condition, JUDGED, vectors=True))
            return [_nearest_first(vector, rows)[:limit] for vector in vectors]
        parameters = {"ef": min(max(self.settings.ef_search, limit), 32_768)} if is_graph else {}
        found = self._searched(
            condition, DENSE, vectors.tolist(), limit, (*JUDGED,), parameters, vectors=True
        )
        return [_nearest_first(vector, hits) for vector, hits in zip(vectors, found, strict=True)]

    def propose(
        self, condition: Condition, queries: Sequence[Mapping[str, float]], limit: int
    ) -> list[list[Found]]:
        """By sparse vectors, or by adding up here where more is asked for than Milvus gives."""
        if limit > MOST_HITS:
            return [self._added(condition, weights)[:limit] for weights in queries]
        return self._searched(condition, TERMS, [summed(q) for q in queries], limit, COUNTED, {})

    def _searched(
        self,
        condition: Condition,
        column: str,
        queries: Sequence[Any],
        limit: int,
        keys: Sequence[str],
        parameters: Mapping[str, Any],
        *,
        vectors: bool = False,
    ) -> list[list[Found]]:
        if condition is False:
            return [[] for _ in queries]
        ended, said = self._ends.of(CHUNKS), self._said(condition, CHUNKS)
        out: list[list[Found]] = []
        for first in range(0, len(queries), _QUERIES_AT_ONCE):
            answers = self.call(
                "search",
                self.named(CHUNKS),
                data=list(queries[first : first + _QUERIES_AT_ONCE]),
                anns_field=column,
                filter=said,
                limit=limit,
                output_fields=columns_of(keys, CHUNKS, vectors=vectors),
                search_params={"metric_type": "IP", "params": dict(parameters)},
                **_STRONG,
            )
            for hits in answers:
                out.append(
                    [found_of(hit["entity"], CHUNKS, ended, score=float(hit["distance"])) for hit in hits]
                )
        return out

    def _added(self, condition: Condition, weights: Mapping[str, float]) -> list[Found]:
        found = []
        for hit in self.scroll(CHUNKS, all_of([condition, is_among("terms", list(weights))]), COUNTED):
            held = term_weights(hit.payload)
            score = sum(weight * held.get(term, 0.0) for term, weight in weights.items())
            found.append(Found(hit.payload, score=score))
        return sorted(found, key=lambda hit: -hit.score)

    def n_bytes(self) -> int:
        """Of the folder of Milvus Lite; a server does not tell."""
        if self.settings.path is None:
            return 0
        return sum(f.stat().st_size for f in Path(str(self.settings.path)).rglob("*") if f.is_file())

    def purge(self) -> None:
        """Asks for the bytes of what was deleted to be dropped; when they go, Milvus decides."""
        for place in (CHUNKS, RECORDS):
            for name in ("flush", "compact"):
                with contextlib.suppress(StoreError):  # which forbids it, or limits how often
                    self.call(name, self.named(place))

    def close(self) -> None:
        """Closes the client."""
        self._calls.close()

    def _said(self, condition: Condition, place: Place) -> str:
        return expression(condition, place, self._ends.of(place))

    def _rows(
        self, place: Place, said: str, columns: Sequence[str], *, page: int = _PAGE
    ) -> Iterator[Mapping[str, Any]]:
        """All rows for an expression: mostly one request tells, else all are read at one point in time."""
        given = {"filter": said, "output_fields": list(columns), **_STRONG}
        try:
            rows = self.call("query", self.named(place), limit=page, **given)
        except TooLargeError:
            if page == 1:
                raise
            yield from self._rows(place, said, columns, page=max(1, page // 8))
            return
        if len(rows) < page:
            yield from rows
            return
        with contextlib.closing(self._pages(place, page, given)) as pages:
            for rows in pages:
                yield from rows

    def _pages(self, place: Place, page: int, given: Mapping[str, Any]) -> Generator[list[Any], None, None]:
        pages = self.call("query_iterator", self.named(place), batch_size=page, **given)
        try:
            while rows := self._calls.next_of(pages):
                yield rows
        finally:
            pages.close()


def _nearest_first(query: Vectors, hits: Sequence[Found]) -> list[Found]:
    """By similarity; what lost its vector compares with nothing."""
    scored = []
    for hit in hits:
        vector = hit.vector
        if vector is not None and vector.shape == query.shape:
            score = float(np.dot(vector, query))
            scored.append(Found(hit.payload, read_vector=hit.read_vector, score=score))
    return sorted(scored, key=lambda hit: -hit.score)
