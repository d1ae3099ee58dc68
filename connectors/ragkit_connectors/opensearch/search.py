"""Searches: a page where one is enough, and a point in time where it takes several."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ragkit.errors import StoreError
from ragkit.store.remote.conditions import Condition
from ragkit.store.remote.server import CHUNKS, Place
from ragkit_connectors.opensearch.bulk import dump
from ragkit_connectors.opensearch.errors import explain_item
from ragkit_connectors.opensearch.query import Query, as_query, routing_of

if TYPE_CHECKING:
    from ragkit_connectors.opensearch.server import OpenSearchServer

MOST_HITS = 10_000  # of one answer: index.max_result_window, and the largest k
PAGE = 1000
_AT_ONCE = 32  # searches of one request
_KEPT = "2m"
_BY_ID: list[dict[str, str]] = [{"pid": "asc"}]
_BY_SCORE: list[dict[str, str]] = [{"_score": "desc"}, {"pid": "asc"}]


class Search:
    """Searches of one server."""

    def __init__(self, server: OpenSearchServer) -> None:
        self._server = server

    def every(
        self, place: Place, condition: Condition, keys: Sequence[str], *, is_numbered: bool = False
    ) -> Iterator[dict[str, Any]]:
        """All hits of a condition, in order of id."""
        body = _body(as_query(condition), keys, is_numbered=is_numbered)
        hits = self._page(place, condition, {**body, "size": PAGE, "sort": _BY_ID})
        if len(hits) < PAGE:
            yield from hits
        else:
            yield from self._paged(place, condition, {**body, "sort": _BY_ID}, PAGE, None)

    def best(
        self, condition: Condition, query: Query, limit: int, keys: Sequence[str]
    ) -> list[dict[str, Any]]:
        """The `limit` best hits of a query, best first; `condition` is what of it tells the shard."""
        body = _body(query, keys)
        if limit <= MOST_HITS:
            return self._page(CHUNKS, condition, {**body, "size": limit})
        return list(self._paged(CHUNKS, condition, {**body, "sort": _BY_SCORE}, MOST_HITS, limit))

    def several(
        self, condition: Condition, queries: Sequence[Query], limit: int, keys: Sequence[str]
    ) -> list[list[dict[str, Any]]]:
        """`best` for each query; in one request where one answer of each is enough."""
        if len(queries) == 1 or limit > MOST_HITS:
            return [self.best(condition, query, limit, keys) for query in queries]
        found: list[list[dict[str, Any]]] = []
        for first in range(0, len(queries), _AT_ONCE):
            bodies = [{**_body(query, keys), "size": limit} for query in queries[first : first + _AT_ONCE]]
            found += map(_hits, self._together(CHUNKS, [(condition, body) for body in bodies]))
        return found

    def totals(self, place: Place, conditions: Sequence[Condition]) -> list[int]:
        """For how many documents each condition holds."""
        bodies = [
            (condition, {"query": as_query(condition), "size": 0, "track_total_hits": True})
            for condition in conditions
        ]
        return [int(found["hits"]["total"]["value"]) for found in self._together(place, bodies)]

    def _together(
        self, place: Place, asked: Sequence[tuple[Condition, dict[str, Any]]]
    ) -> list[dict[str, Any]]:
        """The answers to several searches, each with what of it tells the shard, in one request."""
        lines: list[str] = []
        for condition, body in asked:
            header: dict[str, Any] = {
                "index": self._server.named(place),
                "routing": self._routing(place, condition),
                "preference": self._server.preference,
                "allow_partial_search_results": False,
            }
            header = {name: value for name, value in header.items() if value is not None}
            lines += [dump(header), dump(body)]
        answer = self._server.request("POST", "/_msearch", "".join(f"{line}\n" for line in lines))
        return [self._sound(response) for response in answer["responses"]]

    def _sound(self, response: dict[str, Any]) -> dict[str, Any]:
        if "error" in response:
            raise explain_item(response, self._server.where)
        self._server.check_shards(response)
        return response

    def _page(self, place: Place, condition: Condition, body: dict[str, Any]) -> list[dict[str, Any]]:
        answer = self._server.request(
            "POST",
            f"/{self._server.named(place)}/_search",
            body,
            routing=self._routing(place, condition),
            preference=self._server.preference,
            allow_partial_search_results=False,
        )
        return _hits(answer)

    def _paged(
        self, place: Place, condition: Condition, body: dict[str, Any], size: int, limit: int | None
    ) -> Iterator[dict[str, Any]]:
        """Pages of one point in time, whatever is written meanwhile."""
        made = self._server.request(
            "POST",
            f"/{self._server.named(place)}/_search/point_in_time",
            keep_alive=_KEPT,
            routing=self._routing(place, condition),
            preference=self._server.preference,
            allow_partial_pit_creation=False,
        )
        pit, after, n = made["pit_id"], None, 0
        try:
            while True:
                asked = {**body, "size": size, "pit": {"id": pit, "keep_alive": _KEPT}}
                if after is not None:
                    asked["search_after"] = after
                answer = self._server.request("POST", "/_search", asked, allow_partial_search_results=False)
                pit = answer.get("pit_id", pit)
                hits = _hits(answer)
                yield from hits if limit is None else hits[: limit - n]
                n += len(hits)
                if len(hits) < size or (limit is not None and n >= limit):
                    return
                after = hits[-1]["sort"]
        finally:
            # One that cannot be given back ends by itself.
            with contextlib.suppress(StoreError):
                self._server.request("DELETE", "/_search/point_in_time", {"pit_id": [pit]})

    @staticmethod
    def _routing(place: Place, condition: Condition) -> str | None:
        return routing_of(condition) if place == CHUNKS else None


def _body(query: Query, keys: Sequence[str], *, is_numbered: bool = False) -> dict[str, Any]:
    body: dict[str, Any] = {"query": query, "_source": list(keys) or False, "track_total_hits": False}
    return {**body, "seq_no_primary_term": True} if is_numbered else body


def _hits(answer: dict[str, Any]) -> list[dict[str, Any]]:
    hits: list[dict[str, Any]] = answer["hits"]["hits"]
    return hits
