"""A filter as a condition that the database evaluates: constant SQL, with every value and name bound.

A condition may be NULL where a field is missing, which counts as false; `Not` is where the difference shows,
so it is settled there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ragkit.errors import FilterError
from ragkit.filters import (
    And,
    Contains,
    Eq,
    Exists,
    Filter,
    Gt,
    Gte,
    In,
    Lt,
    Lte,
    Ne,
    Not,
    NotIn,
    Or,
    Value,
)
from ragkit_connectors.pgvector.encoding import sendable, spelled
from ragkit_connectors.pgvector.fields import kind_of, value_json

_PATHS = {
    Gt: "$[*] ? (@ > $x)",
    Gte: "$[*] ? (@ >= $x)",
    Lt: "$[*] ? (@ < $x)",
    Lte: "$[*] ? (@ <= $x)",
}
_MOST_VALUES = 30_000  # the protocol numbers a statement's parameters with 16 bits

_MANY = 100  # alternatives


class TooWideError(Exception):
    """A filter has more values and names than a statement takes."""


class Condition:
    """A filter's SQL over `c.fields`, and what is bound to it.

    Raises:
        TooWideError: it would have too much bound to it.

    >>> condition = Condition(Eq("lang", "ru"))
    >>> condition.sql, condition.values
    ('c.fields @> %(f0)s::jsonb', {'f0': '{"lang":{"s":["ru"]}}'})
    """

    def __init__(self, wanted: Filter) -> None:
        self.values: dict[str, Any] = {}
        self.sql = self._of(wanted)

    def _of(self, wanted: Filter) -> str:
        match wanted:
            case And(parts):
                return self._joined(parts, " AND ", "true")
            case Or(parts):
                return self._joined(_gathered(parts), " OR ", "false")
            case Not(part):
                return f"NOT coalesce({self._of(part)}, false)"
            case Exists(name):
                return f"c.fields ? {self._bound(spelled(name))}"
            case Eq(name, value):
                return self._equals(name, value)
            case In(name, values):
                return self._is_one_of(name, values)
            case Ne(name, value):
                return (
                    f"({self._has_kind(name, (value,))} AND NOT coalesce({self._equals(name, value)}, false))"
                )
            case NotIn(name, values):
                kinds = self._has_kind(name, values)
                return f"({kinds} AND NOT coalesce({self._is_one_of(name, values)}, false))"
            case Contains(name, value):
                return self._contains(name, value)
            case Gt(name, value) | Gte(name, value) | Lt(name, value) | Lte(name, value):
                return self._in_range(name, value, _PATHS[type(wanted)])
        raise FilterError(f"{type(wanted).__name__} is not a filter")

    def _joined(self, parts: Sequence[Filter], word: str, empty: str) -> str:
        return f"({word.join(self._of(part) for part in parts)})" if parts else empty

    def _equals(self, name: str, value: Value) -> str:
        return f"c.fields @> {self._bound(_holding(name, value))}::jsonb"

    def _is_one_of(self, name: str, values: Sequence[Value]) -> str:
        return f"c.fields @> ANY({self._bound([_holding(name, v) for v in values])}::text[]::jsonb[])"

    def _has_kind(self, name: str, values: Sequence[Value]) -> str:
        """That the field holds something that one of the values can be compared with."""
        field = self._bound(spelled(name))
        if not values:
            return f"c.fields ? {field}"
        return f"(c.fields -> {field}) ?| {self._bound(sorted({kind_of(v) for v in values}))}::text[]"

    def _contains(self, name: str, value: Value) -> str:
        element = self._equals(name, value)
        if not isinstance(value, str):
            return element
        field, part = self._bound(spelled(name)), self._bound(spelled(value))
        return (
            f"CASE WHEN (c.fields -> {field}) ? 'one' "
            f"THEN strpos((c.fields -> {field} -> 's' ->> 0) COLLATE \"C\", {part}) > 0 ELSE {element} END"
        )

    def _in_range(self, name: str, value: Value, path: str) -> str:
        field = self._bound(spelled(name))
        bound = self._bound(f'{{"x":{value_json(value)}}}')
        kind = self._bound(kind_of(value))
        return f"jsonb_path_exists(c.fields -> {field} -> {kind}, '{path}', {bound}::jsonb)"

    def _bound(self, value: str | list[str]) -> str:
        if len(self.values) >= _MOST_VALUES:
            raise TooWideError
        key = f"f{len(self.values)}"
        self.values[key] = sendable(value) if isinstance(value, str) else [sendable(v) for v in value]
        return f"%({key})s"


def _gathered(parts: Sequence[Filter]) -> Sequence[Filter]:
    """The same alternatives; of very many, those that ask for values of one field as one list.

    Few stay as they are, since an index answers each of them and no list.
    """
    if len(parts) <= _MANY:
        return parts
    left: list[Filter] = []
    values: dict[str, list[Value]] = {}
    for part in parts:
        match part:
            case Eq(name, value):
                values.setdefault(name, []).append(value)
            case In(name, several):
                values.setdefault(name, []).extend(several)
            case _:
                left.append(part)
    return [*(In(name, tuple(several)) for name, several in values.items()), *left]


def _holding(name: str, value: Value) -> str:
    """JSON that the fields of every chunk contain whose field `name` holds the value."""
    return f'{{{json.dumps(spelled(name), ensure_ascii=False)}:{{"{kind_of(value)}":[{value_json(value)}]}}}}'
