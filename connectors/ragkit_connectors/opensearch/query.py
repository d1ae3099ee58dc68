"""Conditions in the words of the server: a query is built of values, and its keys are constant."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ragkit.store.remote.conditions import AllOf, Among, AnyOf, Beyond, Condition, NoneOf, Within

Query = dict[str, Any]
_MOST_VALUES = 10_000  # of one clause; servers refuse more than 65,536
_LEAST, _GREATEST = "0" * 16, "f" * 16
SPACES = {"lucene": "cosinesimil", "faiss": "innerproduct", "exact": "cosinesimil"}


def as_query(condition: Condition) -> Query:
    """A condition as the server takes it. False must not come here: it is never sent.

    >>> as_query(Among("id", ("x",)))
    {'term': {'id': {'value': 'x'}}}
    """
    match condition:
        case True:
            return {"match_all": {}}
        case AllOf(parts):
            return {"bool": {"filter": [as_query(part) for part in parts]}}
        case AnyOf(parts):
            return _any([as_query(part) for part in parts])
        case NoneOf(part):
            return {"bool": {"must_not": [as_query(part)]}}
        case Among(key, (value,)):
            return {"term": {key: {"value": value}}}
        case Among(key, values):
            clauses: list[Query] = [{"terms": {key: list(some)}} for some in _portions(values)]
            return clauses[0] if len(clauses) == 1 else _any(clauses)
        case Within(key, gt, gte, lt, lte):
            limits = {"gt": gt, "gte": gte, "lt": lt, "lte": lte}
            return {"range": {key: {side: limit for side, limit in limits.items() if limit is not None}}}
        case Beyond(word, side, limit):
            first, last = (limit, None) if side == "gte" else (None, limit)
            return {"range": {"r": {"gte": place_of(word, first), "lte": place_of(word, last, _GREATEST)}}}
    raise AssertionError(f"{condition!r} is no condition that can be sent")


def exact_query(condition: Condition, vector: Sequence[float], space: str) -> Query:
    """All that a condition holds for, scored by the plugin's own comparison with a vector."""
    parameters = {"field": "dense", "query_value": list(vector), "space_type": space}
    script = {"source": "knn_score", "lang": "knn", "params": parameters}
    return {"script_score": {"query": _filtered(condition), "script": script}}


def graph_query(condition: Condition, vector: Sequence[float], k: int, ef_search: int) -> Query:
    """The nearest by the graph; the condition holds while it is searched."""
    asked = {"vector": list(vector), "k": k, "filter": as_query(condition)}
    return {"knn": {"dense": {**asked, "method_parameters": {"ef_search": ef_search}}}}


def weighted_query(condition: Condition, weights: Mapping[str, float]) -> Query:
    """What holds one of the words, scored by the sum of what each adds."""
    clauses = [
        {"rank_feature": {"field": f"weights.{name}", "boost": weight, "linear": {}}}
        for name, weight in named_weights(weights).items()
    ]
    return {
        "bool": {"filter": [as_query(condition)], "should": clauses, "minimum_should_match": 1},
    }


def named_weights(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights of words by digests of these. Two words may share one: then both count, never less.

    >>> list(named_weights({"cat": 0.5}).values())
    [0.5]
    """
    out: dict[str, float] = {}
    for word, weight in weights.items():
        name = hashlib.sha256(word.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        out[name] = out.get(name, 0.0) + weight
    return out


def place_of(word: str, number: float | None, else_: str = _LEAST) -> str:
    """An ordered value of a field as a word: words of one field stand in the order of their numbers.

    >>> place_of("w", -1.5) < place_of("w", 0.0) < place_of("w", 2.0)
    True
    """
    return f"{word} {else_ if number is None else _sortable(number)}"


def _sortable(number: float) -> str:
    (bits,) = struct.unpack(">Q", struct.pack(">d", number + 0.0))
    return f"{(~bits if bits >> 63 else bits | 1 << 63) & (1 << 64) - 1:016x}"


def routing_of(condition: Condition) -> str | None:
    """Where the chunks of the one tenant lie that a condition means; None where it names none."""
    for part in condition.parts if isinstance(condition, AllOf) else (condition,):
        match part:
            case Among("tenant", (str() as tenant,)):
                return route(tenant)
    return None


def route(tenant: str) -> str | None:
    """The routing of a tenant's chunks: a digest, since a list of routings is told by its commas."""
    if not tenant:
        return None
    return hashlib.sha256(tenant.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _filtered(condition: Condition) -> Query:
    return {"bool": {"filter": [as_query(condition)]}}


def _any(clauses: list[Query]) -> Query:
    return {"bool": {"should": clauses, "minimum_should_match": 1}}


def _portions(values: Sequence[str | int]) -> Iterator[Sequence[str | int]]:
    for first in range(0, len(values), _MOST_VALUES):
        yield values[first : first + _MOST_VALUES]
