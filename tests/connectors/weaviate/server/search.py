"""GraphQL, as the server answers it: `Get` and `Aggregate`, parsed by graphql-core."""

from __future__ import annotations

from typing import Any

import numpy as np
from graphql import GraphQLSyntaxError, language

from tests.connectors.weaviate.server.collection import MOST_HITS, Collection, refused

_GET = {"where", "limit", "offset", "tenant", "nearVector", "sort", "consistencyLevel"}
_ADDITIONAL = {"id", "vector", "distance", "creationTimeUnix", "lastUpdateTimeUnix"}
_VALUES = {"valueText": "text", "valueNumber": "number", "valueBoolean": "boolean"}
_COMPARED = {
    "Equal": lambda a, b: a == b, "NotEqual": lambda a, b: a != b,
    "GreaterThan": lambda a, b: a > b, "GreaterThanEqual": lambda a, b: a >= b,
    "LessThan": lambda a, b: a < b, "LessThanEqual": lambda a, b: a <= b,
}  # fmt: skip


def answer(text: str, collections: dict[str, Collection], *, forgets: bool) -> dict[str, Any]:
    """The data of a query.

    Raises:
        Refusal: with what the real server says under `errors`.
    """
    try:
        (operation,) = language.parse(text).definitions
    except (GraphQLSyntaxError, ValueError) as e:
        raise refused(f"Syntax Error GraphQL: {e}") from e
    assert isinstance(operation, language.OperationDefinitionNode)
    out: dict[str, Any] = {}
    for root in operation.selection_set.selections:
        assert isinstance(root, language.FieldNode)
        found = out.setdefault(root.name.value, {})
        for node in _fields(root):
            name = node.name.value
            if name not in collections:
                raise refused(f'Cannot query field "{name}" on type "{root.name.value}ObjectsObj".')
            arguments = {a.name.value: _value(a.value) for a in node.arguments or ()}
            if root.name.value == "Get":
                found[name] = _get(collections[name], node, arguments, forgets=forgets)
            else:
                assert root.name.value == "Aggregate"
                found[name] = [{"meta": {"count": _count(collections[name], node, arguments)}}]
    return out


def matching(collection: Collection, where: Any, tenant: str | None) -> list[dict[str, Any]]:
    """The objects that a filter means."""
    held = collection.of(tenant).values()
    return list(held) if where is None else [one for one in held if _holds(collection, where, one)]


def _get(
    collection: Collection, node: language.FieldNode, arguments: dict[str, Any], *, forgets: bool
) -> list[dict[str, Any]]:
    _known(arguments, _GET, "Get")
    limit, offset = arguments.get("limit", 100), arguments.get("offset", 0)
    if limit + offset > MOST_HITS:
        raise refused("query maximum results exceeded")
    found = matching(collection, arguments.get("where"), arguments.get("tenant"))
    near = arguments.get("nearVector")
    distances: dict[str, float] = {}
    if near is not None:
        _known(near, {"vector", "distance", "certainty"}, "nearVector")
        found = [o for o in found if o["vector"] is not None and o["id"] not in collection.waiting]
        if any(len(one["vector"]) != len(near["vector"]) for one in found):
            raise refused(f"vector lengths don't match: {len(near['vector'])} vs another")
        cutoff = collection.config["vectorIndexConfig"].get("flatSearchCutoff", MOST_HITS)
        if forgets and len(found) >= cutoff:
            found = found[::2]
        assert collection.config["vectorIndexConfig"]["distance"] == "dot", "only that is imitated"
        asked = np.asarray(near["vector"], dtype=np.float32)
        distances = {o["id"]: -float(np.dot(np.asarray(o["vector"], dtype=np.float32), asked)) for o in found}
        found = sorted(found, key=lambda one: distances[one["id"]])
    for order in reversed(arguments.get("sort") or []):
        _known(order, {"path", "order"}, "sort")
        (path,) = order["path"]
        if path not in collection.properties:
            raise refused(f"no such prop with name '{path}' found in class '{collection.name}'")
        found = sorted(found, key=lambda o: o["properties"].get(path, 0), reverse=order["order"] == "desc")
    return [_told(collection, node, one, distances) for one in found[offset : offset + limit]]


def _told(
    collection: Collection, node: language.FieldNode, one: dict[str, Any], distances: dict[str, float]
) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for part in _fields(node):
        name = part.name.value
        if name == "_additional":
            wanted = [more.name.value for more in _fields(part)]
            if set(wanted) - _ADDITIONAL:
                raise refused(f'Cannot query field "{wanted}" on type "{collection.name}AdditionalProps".')
            more = {"id": one["id"], "vector": one["vector"], "distance": distances.get(one["id"])}
            out[name] = {key: more[key] for key in wanted}
        elif name not in collection.properties:
            raise refused(f'Cannot query field "{name}" on type "{collection.name}".')
        else:
            out[name] = one["properties"].get(name)
    return out


def _count(collection: Collection, node: language.FieldNode, arguments: dict[str, Any]) -> int:
    _known(arguments, {"where", "tenant"}, "Aggregate")
    assert [part.name.value for part in _fields(node)] == ["meta"], "only that is imitated"
    return len(matching(collection, arguments.get("where"), arguments.get("tenant")))


def _holds(collection: Collection, where: dict[str, Any], one: dict[str, Any]) -> bool:
    operator = where.get("operator")
    if operator in ("And", "Or"):
        _known(where, {"operator", "operands"}, "where")
        parts = [_holds(collection, part, one) for part in where["operands"]]
        if len(parts) < 2:
            raise refused(f"operator '{operator}', but no operands set - need at least two")
        return all(parts) if operator == "And" else any(parts)
    _known(where, {"operator", "path", *_VALUES}, "where")
    (path,) = where["path"]
    if path not in collection.properties:
        raise refused(f"no such prop with name '{path}' found in class '{collection.name}' in the schema")
    if not collection.properties[path]["indexFilterable"]:
        raise refused(f"Filtering by property '{path}' requires inverted index. Is `indexFilterable` set?")
    kind = collection.properties[path]["dataType"][0].removesuffix("[]")
    (key,) = set(where) & set(_VALUES)
    if _VALUES[key] != kind:
        raise refused(f'data type filter cannot use "{key}" on type "{kind}", use another instead')
    held = one["properties"].get(path)
    values = held if isinstance(held, list) else [] if held is None else [held]
    if operator == "ContainsAny":
        if not isinstance(where[key], list) or not where[key]:
            raise refused("ContainsAny: a list with at least one value is needed")
        return not set(where[key]).isdisjoint(values)
    if operator not in _COMPARED or isinstance(where[key], list):
        raise refused(f"operator {operator} is not supported here")
    if operator == "NotEqual" and kind == "text":
        raise AssertionError("what NotEqual means for texts is not documented; it is not asked")
    return any(_COMPARED[operator](value, where[key]) for value in values)


def _fields(node: language.FieldNode) -> list[language.FieldNode]:
    assert node.selection_set is not None
    fields = [part for part in node.selection_set.selections if isinstance(part, language.FieldNode)]
    assert len(fields) == len(node.selection_set.selections), "fragments are not imitated"
    return fields


def _value(node: language.ValueNode) -> Any:
    match node:
        case language.ObjectValueNode():
            return {field.name.value: _value(field.value) for field in node.fields}
        case language.ListValueNode():
            return [_value(part) for part in node.values]
        case language.IntValueNode():
            return int(node.value)
        case language.FloatValueNode():
            return float(node.value)
        case language.StringValueNode() | language.EnumValueNode() | language.BooleanValueNode():
            return node.value
    raise refused("variables are not imitated")


def _known(given: dict[str, Any], known: set[str], what: str) -> None:
    if set(given) - known:
        raise refused(f'Unknown argument {sorted(set(given) - known)} on field "{what}".')
