"""The filter language: a small tree over declared fields, and its reference evaluator.

    {"lang": "ru", "date": {"gte": "2025-01-01"}}          all keys hold
    {"lang": ["ru", "en"]}                                 one of these
    {"or": [{"tags": {"contains": "faq"}}, {"not": {"draft": true}}]}

The meaning, which every store must give (`matches` is the oracle):

- A field that is missing, null or an empty list satisfies no comparison, `ne` and `not_in` included.
- `not` is the exact complement, so `{"not": {"lang": "ru"}}` holds where `lang` is missing.
- On a list field a comparison holds when one element satisfies it; `ne` and `not_in` are the complement of
  `eq` and `in` among documents that have the field.
- `in []` and `or []` match nothing.
- `contains` is an equal element on a list field, and a substring, case-sensitive, on a text field.
- Dates are compared as instants; one without a zone is UTC. Numbers compare by value: 1 equals 1.0.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ragkit.errors import FilterError
from ragkit.fields import (
    instant_of,
    is_number,
    shown,
)

__all__ = [
    "MANY_VALUES",
    "ONE_VALUE",
    "OPERATORS",
    "And",
    "Contains",
    "Eq",
    "Exists",
    "Filter",
    "Gt",
    "Gte",
    "In",
    "Lt",
    "Lte",
    "Ne",
    "Not",
    "NotIn",
    "Or",
    "Value",
    "both",
    "fields_used",
    "matches",
    "to_json",
]

Value = str | int | float | bool | datetime


class Filter:
    """Base of the filter tree. Make one with `parse_filter`, or from the classes below.

    >>> matches(Eq("lang", "ru"), {"lang": "ru"})
    True
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Eq(Filter):
    """The field equals the value."""

    field: str
    value: Value


@dataclass(frozen=True, slots=True)
class Ne(Filter):
    """The field is there and does not equal the value."""

    field: str
    value: Value


@dataclass(frozen=True, slots=True)
class In(Filter):
    """The field equals one of the values; of no values, none."""

    field: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class NotIn(Filter):
    """The field is there and equals none of the values."""

    field: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Gt(Filter):
    """The field is greater."""

    field: str
    value: Value


@dataclass(frozen=True, slots=True)
class Gte(Filter):
    """The field is greater or equal."""

    field: str
    value: Value


@dataclass(frozen=True, slots=True)
class Lt(Filter):
    """The field is less."""

    field: str
    value: Value


@dataclass(frozen=True, slots=True)
class Lte(Filter):
    """The field is less or equal."""

    field: str
    value: Value


@dataclass(frozen=True, slots=True)
class Exists(Filter):
    """The field is there: neither missing, nor null, nor an empty list."""

    field: str


@dataclass(frozen=True, slots=True)
class Contains(Filter):
    """A list field has the element; a text field has the substring."""

    field: str
    value: Value


@dataclass(frozen=True, slots=True)
class And(Filter):
    """All parts hold; of no parts, always."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or(Filter):
    """One part holds; of no parts, never."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not(Filter):
    """The part does not hold."""

    part: Filter


# --- the reference evaluator ----------------------------------------------------------------------

_COMPARE: dict[type[Filter], Callable[[Any, Any], bool]] = {
    Eq: operator.eq,
    Gt: operator.gt,
    Gte: operator.ge,
    Lt: operator.lt,
    Lte: operator.le,
}


def matches(filter: Filter, metadata: Mapping[str, Any]) -> bool:  # noqa: A002  (the public word for it)
    """Whether metadata satisfies a filter: the meaning that every store must reproduce.

    >>> matches(Not(Eq("lang", "ru")), {}), matches(Ne("lang", "ru"), {})
    (True, False)
    """
    match filter:
        case And(parts):
            return all(matches(part, metadata) for part in parts)
        case Or(parts):
            return any(matches(part, metadata) for part in parts)
        case Not(part):
            return not matches(part, metadata)
        case Eq() | Ne() | In() | NotIn() | Gt() | Gte() | Lt() | Lte() | Exists() | Contains():
            return _holds(filter, metadata.get(filter.field))
    raise FilterError(f"{shown(filter)} is not a filter")


def _holds(leaf: Any, stored: Any) -> bool:
    many = isinstance(stored, list | tuple)
    values = [v for v in stored if v is not None] if many else [] if stored is None else [stored]
    if not values:
        return False
    match leaf:
        case Exists():
            return True
        case Contains(_, wanted):
            if not many and isinstance(wanted, str):
                return isinstance(stored, str) and wanted in stored
            return any(_compare(operator.eq, v, wanted) for v in values)
        case In(_, wanted):
            return any(_compare(operator.eq, v, w) for v in values for w in wanted)
        case NotIn(_, wanted):
            return _comparable(values, wanted) and not any(
                _compare(operator.eq, v, w) for v in values for w in wanted
            )
        case Ne(_, wanted):
            return _comparable(values, (wanted,)) and not any(
                _compare(operator.eq, v, wanted) for v in values
            )
    return any(_compare(_COMPARE[type(leaf)], v, leaf.value) for v in values)


def _compare(compare: Callable[[Any, Any], bool], stored: Any, wanted: Value) -> bool:
    pair = _alike(stored, wanted)
    return pair is not None and compare(*pair)


def _comparable(values: list[Any], wanted: tuple[Value, ...]) -> bool:
    return not wanted or any(_alike(v, w) is not None for v in values for w in wanted)


def _alike(stored: Any, wanted: Value) -> tuple[Any, Any] | None:
    """Both values in one comparable type; None for unlike types, which satisfy no comparison."""
    if isinstance(wanted, datetime):
        moment = instant_of(stored)
        return None if moment is None else (moment, instant_of(wanted))
    if isinstance(wanted, bool) or isinstance(stored, bool):
        return (stored, wanted) if isinstance(wanted, bool) and isinstance(stored, bool) else None
    if isinstance(wanted, str):
        return (stored, wanted) if isinstance(stored, str) else None
    return (stored, wanted) if is_number(stored) else None


# --- the words of the language ---------------------------------------------------------------------

# Operators with one value, and with several, as they are written.
ONE_VALUE: dict[str, type[Any]] = {
    "eq": Eq,
    "ne": Ne,
    "gt": Gt,
    "gte": Gte,
    "lt": Lt,
    "lte": Lte,
    "contains": Contains,
}
MANY_VALUES: dict[str, type[Any]] = {"in": In, "not_in": NotIn}
OPERATORS = (*ONE_VALUE, *MANY_VALUES, "exists")

# --- working with trees ---------------------------------------------------------------------------


def to_json(filter: Filter) -> dict[str, Any]:  # noqa: A002
    """The filter as `parse_filter` reads it: `parse_filter(to_json(f), fields) == f`, up to `And` nesting.

    >>> to_json(And((Eq("lang", "ru"), Gte("year", 2025))))
    {'and': [{'lang': {'eq': 'ru'}}, {'year': {'gte': 2025}}]}
    """
    match filter:
        case And(parts):
            return {"and": [to_json(part) for part in parts]}
        case Or(parts):
            return {"or": [to_json(part) for part in parts]}
        case Not(part):
            return {"not": to_json(part)}
        case Exists(name):
            return {name: {"exists": True}}
        case In(name, values):
            return {name: {"in": [_plain(v) for v in values]}}
        case NotIn(name, values):
            return {name: {"not_in": [_plain(v) for v in values]}}
        case Eq() | Ne() | Gt() | Gte() | Lt() | Lte() | Contains():
            word = next(word for word, kind in ONE_VALUE.items() if kind is type(filter))
            return {filter.field: {word: _plain(filter.value)}}
    raise FilterError(f"{shown(filter)} is not a filter")


def _plain(value: Value) -> str | int | float | bool:
    return value.isoformat() if isinstance(value, datetime) else value


def both(first: Filter | None, second: Filter | None) -> Filter | None:
    """The filter that holds where both do; None stands for no restriction."""
    if first is None or second is None:
        return first if second is None else second
    return And((first, second))


def fields_used(filter: Filter) -> frozenset[str]:  # noqa: A002
    """Names of all fields that a filter looks at."""
    match filter:
        case And(parts) | Or(parts):
            return frozenset().union(*(fields_used(part) for part in parts))
        case Not(part):
            return fields_used(part)
        case Eq() | Ne() | In() | NotIn() | Gt() | Gte() | Lt() | Lte() | Exists() | Contains():
            return frozenset({filter.field})
    raise FilterError(f"{shown(filter)} is not a filter")
