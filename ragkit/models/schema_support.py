"""Which JSON Schemas can be checked here. Another one is refused when it is read, so that nothing passes for
checked that was not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ragkit.models.json_schema import MAX_DEPTH, TYPES, target

_NOTES = frozenset(
    ("title", "description", "default", "examples", "deprecated", "format", "$schema", "$id", "$comment")
)
_LISTS = ("anyOf", "oneOf", "allOf")
_TABLES = ("properties", "$defs", "definitions")
_SIZES = ("minLength", "maxLength", "minItems", "maxItems")
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
KNOWN: Mapping[str, type | tuple[type, ...]] = {
    "type": (str, list),
    "enum": list,
    "const": object,
    "required": list,
    "$ref": str,
    "items": (dict, bool),
    "additionalProperties": (dict, bool),
    **dict.fromkeys(_LISTS, list),
    **dict.fromkeys(_TABLES, dict),
    **dict.fromkeys(_SIZES, int),
    **dict.fromkeys(_NUMBERS, (int, float)),
}


def schema_problem(schema: Any) -> str | None:
    """Why a schema cannot be used here, or None.

    >>> schema_problem({"type": "object", "properties": {"a": {"type": "text"}}})
    "properties.a: unknown type 'text'; expected object, array, string, number, integer, boolean, null"
    """
    return next(_problems(schema, schema, "", 0), None)


def _problems(schema: Any, root: Any, at: str, depth: int) -> Iterator[str]:
    here = at or "the schema"
    if isinstance(schema, bool) and depth:
        return
    if not isinstance(schema, dict) or depth > MAX_DEPTH:
        yield f"{here}: expected a JSON Schema, which is a mapping"
        return
    for key, value in schema.items():
        if key in _NOTES:
            continue
        if key not in KNOWN:
            yield f"{here}: the keyword {str(key)[:40]!r} is not supported; known: {', '.join(KNOWN)}"
        elif not isinstance(value, KNOWN[key]):
            yield f"{here}: {key}: not the kind of value that this keyword has"
            return
    kinds = schema.get("type", ())
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind not in TYPES:
            yield f"{here}: unknown type {kind!r}; expected {', '.join(TYPES)}"
    if "$ref" in schema and not isinstance(target(schema["$ref"], root), dict | bool):
        yield f"{here}: $ref {schema['$ref']!r}: only places in the same schema can be named"
    for place, part in _parts(schema, at):
        yield from _problems(part, root, place, depth + 1)


def _parts(schema: Mapping[str, Any], at: str) -> Iterator[tuple[str, Any]]:
    before = f"{at}." if at else ""
    for key in _TABLES:
        for name, part in schema.get(key, {}).items():
            yield f"{before}{key}.{name}", part
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield f"{before}{key}", schema[key]
    for key in _LISTS:
        for n, part in enumerate(schema.get(key, ())):
            yield f"{before}{key}[{n}]", part
