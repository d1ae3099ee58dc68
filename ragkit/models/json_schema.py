"""JSON as a schema wants it: the part of JSON Schema that structured output uses, checked without a package.

`ragkit.models.schema_support` says which part; the tests compare it with the package `jsonschema`.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
MAX_DEPTH = 64
_BOUNDS: Mapping[str, Callable[[float, float], bool]] = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}
_FENCED = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?```\s*\Z", re.DOTALL | re.IGNORECASE)


def json_in(text: str) -> Any:
    """The JSON value that a model wrote, also where it stands in a fenced block.

    Raises:
        ValueError: it is none.

    >>> json_in('```json\\n{"a": 1}\\n```')
    {'a': 1}
    """
    fenced = _FENCED.match(text)
    try:
        return json.loads(fenced[1] if fenced else text, parse_constant=_refused)
    except RecursionError as e:
        raise ValueError("it is nested too deeply") from e


def json_problem(text: str, schema: Mapping[str, Any]) -> str | None:
    """What is wrong with a text that should be JSON of a schema, or None."""
    try:
        value = json_in(text)
    except ValueError as e:
        return f"no JSON: {e}"
    return next(problems(value, schema), None)


def problems(value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    """What of a value is not as a schema wants it: `$.items[2].price: expected number, got string`.

    >>> list(problems({"a": "1"}, {"type": "object", "properties": {"a": {"type": "integer"}}}))
    ['$.a: expected integer, got string']
    """
    yield from _problems(value, schema, schema, "$", 0)


def _problems(value: Any, schema: Any, root: Mapping[str, Any], at: str, depth: int) -> Iterator[str]:
    if schema is True or depth > MAX_DEPTH:
        if schema is not True:
            yield f"{at}: nested too deeply"
        return
    if schema is False:
        yield f"{at}: must not be there"
        return
    if "$ref" in schema:
        yield from _problems(value, target(schema["$ref"], root), root, at, depth + 1)
    kinds = schema.get("type")
    if kinds is not None:
        wanted = [kinds] if isinstance(kinds, str) else kinds
        if not any(_is_a(value, kind) for kind in wanted):
            yield f"{at}: expected {' or '.join(wanted)}, got {_kind(value)}"
            return
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        yield f"{at}: expected one of {json.dumps(schema['enum'], ensure_ascii=False)}"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{at}: expected {json.dumps(schema['const'], ensure_ascii=False)}"
    yield from _combined(value, schema, root, at, depth)
    if isinstance(value, dict):
        yield from _of_object(value, schema, root, at, depth)
    elif isinstance(value, list):
        yield from _sized(len(value), schema, "Items", at)
        for n, item in enumerate(value):
            yield from _problems(item, schema.get("items", True), root, f"{at}[{n}]", depth + 1)
    elif isinstance(value, str):
        yield from _sized(len(value), schema, "Length", at)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _bounded(value, schema, at)


def _combined(
    value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], at: str, depth: int
) -> Iterator[str]:
    for part in schema.get("allOf", ()):
        yield from _problems(value, part, root, at, depth + 1)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            found = [next(_problems(value, part, root, at, depth + 1), None) for part in schema[key]]
            n = found.count(None)
            if n == 0:
                yield f"{at}: fits none of the {len(found)} forms it may have; the first: {found[0]}"
            elif key == "oneOf" and n > 1:
                yield f"{at}: fits {n} forms where it may fit one"


def _of_object(
    value: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], at: str, depth: int
) -> Iterator[str]:
    properties = schema.get("properties", {})
    for key in schema.get("required", ()):
        if key not in value:
            yield f"{at}: {key} is missing"
    rest = schema.get("additionalProperties", True)
    for key, item in value.items():
        if key not in properties and rest is False:
            yield f"{at}: {key[:40]} is no key of it"
        else:
            yield from _problems(item, properties.get(key, rest), root, f"{at}.{key[:40]}", depth + 1)


def _sized(size: int, schema: Mapping[str, Any], what: str, at: str) -> Iterator[str]:
    unit = "items" if what == "Items" else "characters"
    if size < schema.get(f"min{what}", 0):
        yield f"{at}: expected at least {schema[f'min{what}']} {unit}, got {size}"
    if f"max{what}" in schema and size > schema[f"max{what}"]:
        yield f"{at}: expected at most {schema[f'max{what}']} {unit}, got {size}"


def _bounded(value: float, schema: Mapping[str, Any], at: str) -> Iterator[str]:
    for key, holds in _BOUNDS.items():
        if key in schema and not holds(value, schema[key]):
            yield f"{at}: {value} breaks {key}: {schema[key]}"


def target(ref: Any, root: Mapping[str, Any]) -> Any:
    """The place in the schema `root` that a `$ref` names, or None."""
    if not isinstance(ref, str) or not ref.startswith("#"):
        return None
    here: Any = root
    for step in filter(None, ref[1:].split("/")):
        here = here.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(here, Mapping) else None
    return here


def _is_a(value: Any, kind: str) -> bool:
    if isinstance(value, bool) and kind != "boolean":
        return False
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, TYPES[kind])


def _kind(value: Any) -> str:
    return next(kind for kind in TYPES if kind != "integer" and _is_a(value, kind))


def _same(a: Any, b: Any) -> bool:
    """JSON's equality: 1 is 1.0, and true is not 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if (
        isinstance(a, Sequence)
        and isinstance(b, Sequence)
        and not isinstance(a, str)
        and not isinstance(b, str)
    ):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(a == b)


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
