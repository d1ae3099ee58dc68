"""Queries, parsed strictly and evaluated plainly: a score, or None where a document does not match."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.connectors.opensearch.server.errors import bad, unknown_query

Source = dict[str, Any]
Matcher = Callable[[str, Source], float | None]
MOST_CLAUSES, MOST_TERMS, DEEPEST, MOST_NEIGHBOURS = 1024, 65_536, 20, 10_000


class Parser:
    """Parses queries over one index's fields."""

    def __init__(self, fields: dict[str, Any], plugins: set[str]) -> None:
        self.fields, self.plugins = fields, plugins
        self.n_clauses = 0
        self.knn: list[dict[str, Any]] = []  # the knn clauses, for the searcher

    def parse(self, query: Any, depth: int = 0) -> Matcher:
        if not isinstance(query, dict) or len(query) != 1:
            raise bad("query malformed, must start with start_object", "parsing_exception")
        ((name, body),) = query.items()
        method = getattr(self, f"_{name}", None)
        if method is None or name.startswith("_") or (name == "knn" and "opensearch-knn" not in self.plugins):
            raise unknown_query(name)
        if not isinstance(body, dict):
            raise bad(f"[{name}] query malformed, no start_object after query name", "parsing_exception")
        self.n_clauses += 1
        if self.n_clauses > MOST_CLAUSES:
            raise bad("maxClauseCount is set to 1024", "too_many_clauses")
        matcher: Matcher = method(body, depth)
        return matcher

    def _match_all(self, body: Any, depth: int) -> Matcher:
        _only(body, {"boost"}, "match_all")
        return lambda identity, source: 1.0

    def _bool(self, body: Any, depth: int) -> Matcher:
        _only(body, {"filter", "must", "should", "must_not", "minimum_should_match", "boost"}, "bool")
        if depth >= DEEPEST:
            raise bad(
                "The nested depth of the query exceeds the maximum nested depth for bool queries set in "
                "[indices.query.bool.max_nested_depth]"
            )
        parts = {
            kind: [
                self.parse(q, depth + 1)
                for q in (body[kind] if isinstance(body[kind], list) else [body[kind]])
            ]
            for kind in ("filter", "must", "should", "must_not")
            if kind in body
        }
        default = 0 if parts.get("filter") or parts.get("must") else 1
        least = int(body.get("minimum_should_match", default)) if parts.get("should") else 0

        def match(identity: str, source: Source) -> float | None:
            if any(m(identity, source) is None for m in parts.get("filter", ())):
                return None
            if any(m(identity, source) is not None for m in parts.get("must_not", ())):
                return None
            must = [m(identity, source) for m in parts.get("must", ())]
            should = [m(identity, source) for m in parts.get("should", ())]
            if None in must or sum(s is not None for s in should) < least:
                return None
            return float(np.float32(sum(s for s in (*must, *should) if s is not None)))

        return match

    def _term(self, body: Any, depth: int) -> Matcher:
        name, given = _single(body, "term")
        if isinstance(given, dict):
            _only(given, {"value", "boost", "case_insensitive"}, "term")
            given = given["value"]
        return self._holding(name, [given])

    def _terms(self, body: Any, depth: int) -> Matcher:
        name, given = _single({k: v for k, v in body.items() if k != "boost"}, "terms")
        if not isinstance(given, list):
            raise bad("[terms] query does not support [" + name + "]", "parsing_exception")
        if len(given) > MOST_TERMS:
            raise bad(
                f"The number of terms [{len(given)}] used in the Terms Query request has exceeded [65536]"
            )
        return self._holding(name, given)

    def _holding(self, name: str, given: list[Any]) -> Matcher:
        self._searchable(name)
        wanted = {self._typed(name, value) for value in given}
        return lambda identity, source: 1.0 if wanted & set(_values(source, name)) else None

    def _range(self, body: Any, depth: int) -> Matcher:
        name, limits = _single(body, "range")
        _only(limits, {"gt", "gte", "lt", "lte", "boost", "format", "time_zone", "relation"}, "range")
        self._searchable(name)
        tests = [
            (side, self._typed(name, limits[side])) for side in ("gt", "gte", "lt", "lte") if side in limits
        ]

        def match(identity: str, source: Source) -> float | None:
            is_in = any(
                all(_SIDES[s](_ordered(v), _ordered(x)) for s, x in tests) for v in _values(source, name)
            )
            return 1.0 if is_in else None

        return match

    def _exists(self, body: Any, depth: int) -> Matcher:
        _only(body, {"field", "boost"}, "exists")
        return lambda identity, source: 1.0 if _values(source, body["field"]) else None

    def _ids(self, body: Any, depth: int) -> Matcher:
        _only(body, {"values", "boost"}, "ids")
        return lambda identity, source: 1.0 if identity in body["values"] else None

    def _rank_feature(self, body: Any, depth: int) -> Matcher:
        _only(body, {"field", "boost", "linear", "saturation", "log", "sigmoid"}, "rank_feature")
        if set(body) & {"saturation", "log", "sigmoid"} or body.get("linear") != {}:
            raise AssertionError("only the linear function is imitated")
        parent, _, feature = body["field"].rpartition(".")
        if self.fields.get(parent, {}).get("type") != "rank_features":
            return lambda identity, source: None
        boost = np.float32(body.get("boost", 1.0))
        if not boost > 0:
            raise bad("[boost] must be positive")

        def match(identity: str, source: Source) -> float | None:
            value = source.get(parent, {}).get(feature)
            return None if value is None else float(boost * nine_bits(value))

        return match

    def _script_score(self, body: Any, depth: int) -> Matcher:
        _only(body, {"query", "script", "min_score", "boost"}, "script_score")
        inner, script = self.parse(body["query"], depth), body["script"]
        if (
            script.get("lang") != "knn"
            or script.get("source") != "knn_score"
            or "opensearch-knn" not in self.plugins
        ):
            raise bad("script_lang not supported [" + str(script.get("lang")) + "]")
        given = script["params"]
        if set(given) != {"field", "query_value", "space_type"}:
            raise bad(f"Missing parameter in knn_score: {sorted(given)}", "script_exception")
        score = self._comparing(given["field"], given["query_value"], given["space_type"], is_script=True)

        def match(identity: str, source: Source) -> float | None:
            return None if inner(identity, source) is None else score(identity, source)

        return match

    def _knn(self, body: Any, depth: int) -> Matcher:
        name, asked = _single(body, "knn")
        _only(asked, {"vector", "k", "filter", "method_parameters", "boost", "rescore", "min_score"}, "knn")
        k = asked.get("k")
        if not isinstance(k, int) or not 1 <= k <= MOST_NEIGHBOURS:
            raise bad("[knn] requires k to be in the range (0, 10000]")
        if set(asked.get("method_parameters", {})) - {"ef_search"}:
            raise bad("[knn] unknown method parameter")
        field = self.fields.get(name, {})
        if "method" not in field:
            raise bad(f"Field '{name}' is not built for ANN search.", "query_shard_exception")
        score = self._comparing(name, asked["vector"], field["method"]["space_type"], is_script=False)
        chosen = self.parse(asked["filter"], depth) if "filter" in asked else self.parse({"match_all": {}})
        clause: dict[str, Any] = {"k": k, "filter": chosen, "score": score, "among": None}
        self.knn.append(clause)
        return lambda identity, source: score(identity, source) if identity in clause["among"] else None

    def _comparing(self, name: str, query: Any, space: str, *, is_script: bool) -> Matcher:
        field = self.fields.get(name, {})
        if field.get("type") != "knn_vector":
            raise bad(f"Field '{name}' is not knn_vector type.")
        if len(query) != field["dimension"]:
            raise bad(
                f"Query vector has invalid dimension: {len(query)}. Dimension should be: {field['dimension']}"
            )
        asked = np.asarray(query, dtype=np.float32)

        def match(identity: str, source: Source) -> float | None:
            if name not in source:
                return 0.0 if is_script else None
            near = float(np.dot(np.asarray(source[name], dtype=np.float32), asked))
            if space == "cosinesimil":
                return float(np.float32(1 + near if is_script else (1 + near) / 2))
            return float(np.float32(near + 1 if near >= 0 else 1 / (1 - near)))

        return match

    def _searchable(self, name: str) -> None:
        field = self.fields.get(name)
        if field and field.get("index") is False and field.get("doc_values") is False:
            raise bad(f"Cannot search on field [{name}] since it is not indexed.", "query_shard_exception")

    def _typed(self, name: str, value: Any) -> Any:
        kind = self.fields.get(name, {}).get("type")
        if isinstance(value, dict | list) or value is None:
            raise bad(f"[{name}] value cannot be null or an object")
        if kind == "long":
            try:
                return int(value)
            except (TypeError, ValueError):
                raise bad(f'For input string: "{value}"', "number_format_exception") from None
        return value if kind != "keyword" else str(value)


_SIDES: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


def nine_bits(value: float) -> np.float32:
    """A feature as the index keeps it: truncated to nine significant bits."""
    (bits,) = struct.unpack(">I", struct.pack(">f", value))
    (kept,) = struct.unpack(">f", struct.pack(">I", bits >> 15 << 15))
    return np.float32(kept)


def _ordered(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _values(source: Source, name: str) -> Sequence[Any]:
    value = source.get(name)
    return [] if value is None else value if isinstance(value, list) else [value]


def _only(body: Any, known: set[str], name: str) -> None:
    for key in body:
        if key not in known:
            raise bad(f"[{name}] query does not support [{key}]", "parsing_exception")


def _single(body: Any, name: str) -> tuple[str, Any]:
    if len(body) != 1:
        raise bad(f"[{name}] query doesn't support multiple fields", "parsing_exception")
    ((field, given),) = body.items()
    return field, given
