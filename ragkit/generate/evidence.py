"""Values of a JSON answer against the quotes that are given for them."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ragkit.models.json_schema import problems
from ragkit.text.spans import find_quote
from ragkit.types import Citation, Passage, Span

_NUMBER = re.compile(r"(?<![\w.,])[-−–]?\d+(?:[ \u00a0\u202f]\d{3}(?!\d))*(?:[.,]\d+)*")
_BY_COMMA = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_BY_POINT = re.compile(r"-?\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_PLAIN = re.compile(r"-?\d+(?:[.,]\d+)?")
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value of an answer that is no mapping and no list, and its place."""

    path: Place
    value: Any = field(kw_only=True)

    @property
    def place(self) -> str:
        """The place as people write it: `items[0].price`."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return "".join(steps).lstrip(".")


def leaves(value: Any, path: Place = ()) -> Iterator[Leaf]:
    """The values of a JSON value, null and empty ones left out.

    >>> [leaf.place for leaf in leaves({"items": [{"price": 3}], "note": None})]
    ['items[0].price']
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for n, item in enumerate(value):
            yield from leaves(item, (*path, n))
    elif value is not None and value != "":
        yield Leaf(path, value=value)


def quoted(passages: Sequence[Passage], number: int, quote: str) -> Citation | None:
    """The place of a quote in the passage of that number, within what was shown of it; or None."""
    if not 1 <= number <= len(passages):
        return None
    passage = passages[number - 1]
    for keep, text in zip(passage.keep, passage.texts(), strict=True):
        found = find_quote(text, quote)
        if found is not None:
            return _citation(passage, number, found.shift(keep.start))
    return None


def is_stated(value: Any, quote: str) -> bool:
    """Whether a quote states a value: a number in any of its spellings, a text word for word.

    A flag is a judgement, of which the quote is the ground.

    >>> is_stated(1200, "costs 1 200 euros"), is_stated(12, "costs 120 euros"), is_stated("Euro", "in euro")
    (True, False, True)
    """
    if isinstance(value, bool):
        return True
    if isinstance(value, int | float):
        return any(value in _readings(number) for number in _NUMBER.findall(quote))
    return find_quote(quote, str(value)) is not None


def chosen(schema: Mapping[str, Any], path: Place) -> bool:
    """Whether a schema lets one choose the value at a place from a list: a judgement, as a flag is."""
    here: list[Any] = [schema]
    for step in path:
        here = [part for one in here for part in _below(_forms(one, schema), step)]
    return any("enum" in form or "const" in form for one in here for form in _forms(one, schema))


def without(data: Any, path: Place, schema: Mapping[str, Any]) -> Any:
    """A copy of an answer without the value at a place, or None where the schema does not allow that.

    The key goes, of a list the item; where it must be there it becomes null.
    """
    if not path:
        return None
    for is_null in (False, True):
        changed = copy.deepcopy(data)
        parent = changed
        for step in path[:-1]:
            parent = parent[step]
        if is_null:
            parent[path[-1]] = None
        else:
            del parent[path[-1]]
        if next(problems(changed, schema), None) is None:
            return changed
    return None


def moved(path: Place, removed: Place) -> Place:
    """A place after the item of a list at `removed` has gone: the items behind it move up.

    >>> moved(("items", 2, "price"), ("items", 0))
    ('items', 1, 'price')
    """
    *before, last = removed
    n = len(before)
    if not isinstance(last, int) or len(path) <= n or list(path[:n]) != before:
        return path
    step = path[n]
    return (*path[:n], step - 1, *path[n + 1 :]) if isinstance(step, int) and step > last else path


def _forms(schema: Any, root: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """A schema and those that it is made of at the same place."""
    if not isinstance(schema, Mapping) or depth > 8:
        return
    yield schema
    parts = [part for key in ("anyOf", "oneOf", "allOf") for part in schema.get(key, ())]
    if "$ref" in schema:
        _, _, place = str(schema["$ref"]).partition("#/")
        table, _, name = place.partition("/")
        parts.append(root.get(table, {}).get(name))
    for part in parts:
        yield from _forms(part, root, depth + 1)


def _below(forms: Iterator[Mapping[str, Any]], step: str | int) -> Iterator[Any]:
    for form in forms:
        if isinstance(step, int):
            yield form.get("items")
        else:
            yield form.get("properties", {}).get(step, form.get("additionalProperties"))


def _readings(number: str) -> set[float]:
    """What a number may mean: a comma, or a point, groups thousands or begins the decimals."""
    plain = re.sub(r"\s", "", number).replace("−", "-").replace("–", "-")
    found = set()
    if _PLAIN.fullmatch(plain):
        found.add(float(plain.replace(",", ".")))
    if _BY_COMMA.fullmatch(plain):
        found.add(float(plain.replace(",", "")))
    if _BY_POINT.fullmatch(plain):
        found.add(float(plain.replace(".", "").replace(",", ".")))
    return found


def _citation(passage: Passage, number: int, span: Span) -> Citation:
    chunk = passage.chunk
    return Citation(
        number,
        document_id=chunk.document_id,
        start=span.start,
        end=span.end,
        quote=span.shift(-chunk.span.start).of(chunk.text),
        chunk_id=chunk.id,
        support=1.0,
        uri=chunk.uri,
        page=chunk.page_at(span.start),
        heading=chunk.heading,
    )
