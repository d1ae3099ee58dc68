"""Searches over what an index shows, or showed at a point in time."""

from __future__ import annotations

from typing import Any

from tests.connectors.opensearch.server.errors import bad
from tests.connectors.opensearch.server.index import Doc, Index
from tests.connectors.opensearch.server.query import Parser

_KEYS = {
    "query", "size", "from", "sort", "search_after", "pit", "_source", "track_total_hits",
    "seq_no_primary_term",
}  # fmt: skip
_WINDOW = 10_000
Hit = tuple[float, str, Doc, dict[str, Any]]


class Searcher:
    """Answers one search.

    Args:
        index: whose fields they are.
        shown: the documents.
        routing: the one routing that is asked, or None.
        hidden: a query for what the user may see, or None.
        forgets: whether the graph finds only every other neighbour under a filter.
    """

    def __init__(
        self,
        index: Index,
        shown: dict[str, Doc],
        routing: str | None,
        hidden: Any,
        plugins: set[str],
        forgets: bool,
    ) -> None:
        self.index, self.plugins, self.forgets = index, plugins, forgets
        shard = None if routing is None else index.shard_of("", routing)
        self.docs = {i: d for i, d in shown.items() if shard is None or d.shard == shard}
        if hidden is not None:
            seen = Parser(index.fields, plugins).parse(hidden)
            self.docs = {i: d for i, d in self.docs.items() if seen(i, d.read()) is not None}

    def count(self, body: dict[str, Any]) -> int:
        if set(body) - {"query"}:
            raise bad(f"request does not support [{sorted(set(body) - {'query'})[0]}]", "parsing_exception")
        return len(self._matched(body.get("query", {"match_all": {}})))

    def search(self, body: dict[str, Any]) -> dict[str, Any]:
        for key in body:
            if key not in _KEYS:
                raise bad(f"Unknown key for a VALUE_STRING in [{key}].", "parsing_exception")
        size, first = int(body.get("size", 10)), int(body.get("from", 0))
        if size + first > _WINDOW:
            raise bad(
                f"Result window is too large, from + size must be less than or equal to: [{_WINDOW}] but was "
                f"[{size + first}]."
            )
        hits = self._matched(body.get("query", {"match_all": {}}))
        keys = self._sorting(body.get("sort"))
        ranked = sorted(hits, key=lambda hit: self._place(hit, keys))
        if "search_after" in body:
            if not keys or len(body["search_after"]) != len(keys):
                raise bad("search_after has 1 value(s) but sort has another number")
            after = _reversed_place(body["search_after"], keys)
            ranked = [hit for hit in ranked if self._place(hit, keys) > after]
        found = [self._told(hit, body, keys) for hit in ranked[first : first + size]]
        inner: dict[str, Any] = {"max_score": (hits and max(h[0] for h in hits)) or None, "hits": found}
        if body.get("track_total_hits", True) is not False:
            inner["total"] = {"value": len(hits), "relation": "eq"}
        return {
            "took": 1,
            "timed_out": False,
            "_shards": {"total": 1, "successful": 1, "failed": 0},
            "hits": inner,
        }

    def _matched(self, query: Any) -> list[Hit]:
        parser = Parser(self.index.fields, self.plugins)
        matcher = parser.parse(query)
        sources = {identity: doc.read() for identity, doc in self.docs.items()}
        for clause in parser.knn:
            clause["among"] = self._neighbours(clause, sources)
        out: list[Hit] = []
        for identity, doc in self.docs.items():
            score = matcher(identity, sources[identity])
            if score is not None:
                out.append((score, identity, doc, sources[identity]))
        return out

    def _neighbours(self, clause: dict[str, Any], sources: dict[str, dict[str, Any]]) -> set[str]:
        near: dict[int, list[tuple[float, str]]] = {}
        for identity, doc in self.docs.items():
            source = sources[identity]
            if clause["filter"](identity, source) is not None:
                score = clause["score"](identity, source)
                if score is not None:
                    near.setdefault(doc.shard, []).append((-score, identity))
        step = 2 if self.forgets else 1
        return {identity for found in near.values() for _, identity in sorted(found)[: clause["k"] : step]}

    def _sorting(self, sort: Any) -> list[tuple[str, bool]]:
        keys = []
        for part in sort or []:
            ((name, order),) = part.items()
            order = order if isinstance(order, str) else order.get("order", "asc")
            if order not in ("asc", "desc"):
                raise bad(f"Illegal sort order: {order}")
            field = self.index.fields.get(name)
            if name != "_score":
                if field is None:
                    raise bad(f"No mapping found for [{name}] in order to sort on", "query_shard_exception")
                if field.get("doc_values") is False or field["type"] in (
                    "text",
                    "rank_features",
                    "knn_vector",
                ):
                    raise bad(
                        f"Can't load fielddata on [{name}] because fielddata is unsupported on fields of "
                        "this type."
                    )
            keys.append((name, order == "desc"))
        return keys

    def _place(self, hit: Hit, keys: list[tuple[str, bool]]) -> tuple[Any, ...]:
        if not keys:
            # By score, then by the number of the document within its shard.
            return (-hit[0], hit[2].shard, hit[2].seq_no)
        return _reversed_place([hit[0] if name == "_score" else hit[3].get(name) for name, _ in keys], keys)

    def _told(self, hit: Hit, body: dict[str, Any], keys: list[tuple[str, bool]]) -> dict[str, Any]:
        score, identity, doc, source = hit
        is_scored = not keys or any(name == "_score" for name, _ in keys)
        out: dict[str, Any] = {
            "_index": self.index.name,
            "_id": identity,
            "_score": score if is_scored else None,
        }
        if doc.routing is not None:
            out["_routing"] = doc.routing
        if body.get("seq_no_primary_term"):
            out |= {"_seq_no": doc.seq_no, "_primary_term": 1}
        wanted = body.get("_source", True)
        if wanted is not False:
            out["_source"] = source if wanted is True else {k: v for k, v in source.items() if k in wanted}
        if keys:
            out["sort"] = [score if name == "_score" else source.get(name) for name, _ in keys]
        return out


def _reversed_place(values: list[Any], keys: list[tuple[str, bool]]) -> tuple[Any, ...]:
    return tuple(-v if is_down else v for v, (_, is_down) in zip(values, keys, strict=True))
