"""An OpenSearch cluster as a place for an index: what `RemoteServer` asks, in its requests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ragkit.errors import CorruptIndexError, StoreError, TransientStoreError
from ragkit.protocols import Vectors
from ragkit.store.remote.conditions import Condition
from ragkit.store.remote.head import HEAD
from ragkit.store.remote.points import COUNTED, JUDGED
from ragkit.store.remote.server import CHUNKS, Found, Place, Point
from ragkit_connectors.opensearch import query
from ragkit_connectors.opensearch.bulk import Item, send
from ragkit_connectors.opensearch.calls import Calls
from ragkit_connectors.opensearch.errors import ConflictError
from ragkit_connectors.opensearch.mapping import DENSE, document_of
from ragkit_connectors.opensearch.search import MOST_HITS, Search
from ragkit_connectors.opensearch.settings import OpenSearchSettings

_MOST_ROUNDS = 20
_MOST_COUNTS = 100  # of one request
_LOSS = 2.0**-8  # the server keeps nine bits of a weight


class OpenSearchServer(Calls):
    """The calls that hold an index, over those of the client."""

    restore = "Restore both indexes from one snapshot"
    sparse_loss = _LOSS

    def __init__(self, settings: OpenSearchSettings, make_client: Callable[[], Any]) -> None:
        super().__init__(settings, make_client)
        self.lease_s = settings.lease_s
        self.preference: str | None = None  # set where copies may lag behind the first
        self._search = Search(self)

    def named(self, place: Place) -> str:
        """The index of a place."""
        return self.settings.name if place == CHUNKS else self.settings.records

    # --- the record of commits --------------------------------------------------------------------

    def head(self) -> dict[str, Any] | None:
        """The record of commits, read by its id: that sees what was written a moment ago."""
        found = self._head()
        return None if found is None else found["_source"]

    def change_head(self, values: Mapping[str, Any], expected: Mapping[str, str | int]) -> None:
        """Writes the record under its sequence number: the server takes that only if nobody wrote since."""
        for _ in range(_MOST_ROUNDS):
            found = self._head()
            if found is None:
                raise CorruptIndexError(
                    f"{self.where}: the record of commits is gone. {self.restore}, or ingest again"
                )
            source = found["_source"]
            if any(source[key] != value for key, value in expected.items()):
                return
            # A request whose answer was lost finds, made again, that it was done: the number has changed.
            with contextlib.suppress(ConflictError):
                self.request(
                    "PUT",
                    f"/{self.settings.records}/_doc/{HEAD}",
                    {**source, **values},
                    if_seq_no=found["_seq_no"],
                    if_primary_term=found["_primary_term"],
                )
                return
        raise TransientStoreError(f"{self.where}: others change the record of commits at once. Try again")

    def _head(self) -> dict[str, Any] | None:
        return self.find(f"/{self.settings.records}/_doc/{HEAD}", preference="_primary")

    # --- writing ----------------------------------------------------------------------------------

    def write(self, place: Place, points: Sequence[Point], *, replace: bool = False) -> None:
        """Creates documents under their ids: one that arrives twice, or late, changes nothing."""
        action = "index" if replace else "create"
        send(self, (Item(action, self._target(place, point), document_of(point)) for point in points))  # type: ignore[arg-type]

    def set(self, place: Place, values: Mapping[str, Any], condition: Condition) -> None:
        """Changes documents under their sequence numbers, and looks again where somebody else was first."""
        self._each(place, condition, "update", {"doc": dict(values)})

    def delete(self, place: Place, condition: Condition) -> None:
        """Removes documents under their sequence numbers."""
        self._each(place, condition, "delete", None)

    def remove(self, place: Place, ids: Sequence[str]) -> None:
        """Removes records by their ids; chunks are routed, and not removed like this."""
        send(self, (Item("delete", {"_index": self.named(place), "_id": identity}) for identity in ids))

    def settle(self) -> None:
        """Refreshes both indexes, so that searches find what was written."""
        self.request("POST", f"/{self.settings.name},{self.settings.records}/_refresh")

    def _each(self, place: Place, condition: Condition, action: Any, body: dict[str, Any] | None) -> None:
        if condition is False:
            return
        for _ in range(_MOST_ROUNDS):
            hits = self._search.every(place, condition, (), is_numbered=True)
            if not send(self, (Item(action, _target_of(hit), body) for hit in hits)):
                return
            self.settle()
        raise TransientStoreError(f"{self.where}: others change the same documents all the time. Try again")

    def _target(self, place: Place, point: Point) -> dict[str, Any]:
        routing = query.route(point.payload["tenant"]) if place == CHUNKS else None
        target = {"_index": self.named(place), "_id": point.id}
        return target if routing is None else {**target, "routing": routing}

    # --- reading ----------------------------------------------------------------------------------

    def count(self, place: Place, condition: Condition) -> int:
        """For how many documents a condition holds, as searches find them."""
        if condition is False:
            return 0
        answer = self.request(
            "POST",
            f"/{self.named(place)}/_count",
            {"query": query.as_query(condition)},
            routing=query.routing_of(condition) if place == CHUNKS else None,
            preference=self.preference,
        )
        return int(answer["count"])

    def counts(self, place: Place, conditions: Sequence[Condition]) -> list[int]:
        """Several searches in a request, each for its total alone."""
        asked = [condition for condition in conditions if condition is not False]
        found: list[int] = []
        for first in range(0, len(asked), _MOST_COUNTS):
            found += self._search.totals(place, asked[first : first + _MOST_COUNTS])
        numbers = iter(found)
        return [0 if condition is False else next(numbers) for condition in conditions]

    def scroll(
        self, place: Place, condition: Condition, keys: Sequence[str], *, vectors: bool = False
    ) -> Iterator[Found]:
        """All documents for which a condition holds, at one point in time."""
        if condition is False:
            return
        wanted = (*keys, DENSE) if vectors else tuple(keys)
        for hit in self._search.every(place, condition, wanted):
            yield _found(hit)

    def nearest(
        self, condition: Condition, vectors: Vectors, limit: int, *, is_exact: bool
    ) -> list[list[Found]]:
        """By the graph, or by comparing with all, several vectors in one request.

        What is scored here orders what comes back.
        """
        engine = self.settings.engine
        if is_exact or engine == "exact" or limit > MOST_HITS:
            space = query.SPACES[engine]
            asked = [query.exact_query(condition, vector, space) for vector in vectors.tolist()]
        else:
            ef = min(max(self.settings.ef_search, limit), MOST_HITS)
            asked = [query.graph_query(condition, vector, limit, ef) for vector in vectors.tolist()]
        found = self._search.several(condition, asked, limit, (*JUDGED, DENSE))
        return [_scored(vector, hits) for vector, hits in zip(vectors, found, strict=True)]

    def propose(
        self, condition: Condition, queries: Sequence[Mapping[str, float]], limit: int
    ) -> list[list[Found]]:
        """By the weights of words that the server keeps, several queries in one request."""
        asked = [query.weighted_query(condition, weights) for weights in queries]
        return [
            [_found(hit) for hit in hits] for hits in self._search.several(condition, asked, limit, COUNTED)
        ]

    def n_bytes(self) -> int:
        """Of the first copies of both indexes; 0 where the role may not ask."""
        try:
            answer = self.request("GET", f"/{self.settings.name},{self.settings.records}/_stats/store")
            return int(answer["_all"]["primaries"]["store"]["size_in_bytes"])
        except (StoreError, KeyError, TypeError):
            return 0


def _found(hit: dict[str, Any]) -> Found:
    payload = hit["_source"]
    vector = payload.pop(DENSE, None)
    read = None if vector is None else partial(np.asarray, vector, dtype=np.float32)
    return Found(payload, read_vector=read, score=float(hit.get("_score") or 0.0))


def _scored(query: Vectors, hits: Sequence[dict[str, Any]]) -> list[Found]:
    """By similarity: engines score each in its own way. What lost its vector compares with nothing."""
    found = []
    for hit in hits:
        numbers = hit["_source"].pop(DENSE, None)
        if numbers is not None and len(numbers) == len(query):
            vector = np.asarray(numbers, dtype=np.float32)
            score = float(np.dot(vector, query))
            found.append(Found(hit["_source"], read_vector=partial(np.asarray, vector), score=score))
    return found


def _target_of(hit: dict[str, Any]) -> dict[str, Any]:
    target = {
        "_index": hit["_index"],
        "_id": hit["_id"],
        "if_seq_no": hit["_seq_no"],
        "if_primary_term": hit["_primary_term"],
    }
    return {**target, "routing": hit["_routing"]} if "_routing" in hit else target
