"""The filter language: a small tree over declared fields, its parser, and its reference evaluator.

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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ragkit.errors import FilterError, did_you_mean
from ragkit.fields import (
    ACL,
    EXPECTED,
    TENANT,
    FieldSpec,
    FieldType,
    instant_of,
    is_number,
    parse_fields,
    shown,
    shown_name,
)

__all__ = [
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
    "check_filter",
    "fields_used",
    "matches",
    "parse_fields",
    "parse_filter",
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


# --- parsing --------------------------------------------------------------------------------------

_ONE: dict[str, type[Any]] = {
    "eq": Eq,
    "ne": Ne,
    "gt": Gt,
    "gte": Gte,
    "lt": Lt,
    "lte": Lte,
    "contains": Contains,
}
_MANY: dict[str, type[Any]] = {"in": In, "not_in": NotIn}
OPERATORS = (*_ONE, *_MANY, "exists")
_RANGES = (Gt, Gte, Lt, Lte)
_KINDS = frozenset({*_ONE.values(), *_MANY.values(), Exists, And, Or, Not})
_ORDERED = frozenset({FieldType.INTEGER, FieldType.NUMBER, FieldType.DATETIME})
# Trees are walked by recursion, and Python's own limit is no error a caller can use.
MAX_DEPTH = 100


def parse_filter(raw: object, fields: Mapping[str, FieldSpec]) -> Filter | None:
    """The filter that `raw` says, checked against the declared fields; None for an empty one.

    A `Filter` is checked and given back.

    >>> fields = parse_fields({"lang": "keyword", "year": "integer"})
    >>> parse_filter({"lang": ["ru", "en"]}, fields)
    In(field='lang', values=('ru', 'en'))

    Raises:
        FilterError: unknown field or operator, a value of another type than the field's, or `and`, `or` and
            `not` nested more than 100 deep.
    """
    if raw is None:
        return None
    if isinstance(raw, Filter):
        check_filter(raw, fields)
        return raw
    return None if isinstance(raw, Mapping) and not raw else _parse(raw, fields)


def _parse(raw: object, fields: Mapping[str, FieldSpec], depth: int = 0) -> Filter:
    _check_depth(depth)
    if not isinstance(raw, Mapping):
        raise FilterError(f"filter: {shown(raw)}: expected a mapping such as {{'lang': 'en'}}")
    if not raw:
        raise FilterError("filter: an empty filter inside and, or, not would match everything; leave it out")
    parts: list[Filter] = []
    for key, value in raw.items():
        match key:
            case "and" | "or":
                if not isinstance(value, list | tuple):
                    raise FilterError(f"filter.{key}: {shown(value)}: expected a list of filters")
                inner = tuple(_parse(part, fields, depth + 1) for part in value)
                parts.append(And(inner) if key == "and" else Or(inner))
            case "not":
                parts.append(Not(_parse(value, fields, depth + 1)))
            case _:
                parts.extend(_parse_field(_declared(key, fields), value))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise FilterError(f"filter: and, or, not are nested more than {MAX_DEPTH} deep. Flatten it")


def _declared(name: object, fields: Mapping[str, FieldSpec]) -> FieldSpec:
    if name in (TENANT, ACL):
        raise FilterError(f"filter.{name}: not a filter but a parameter of its own; pass {name}=... instead")
    spec = fields.get(name) if isinstance(name, str) else None
    if spec is None:
        usable = [f for f in fields if f not in (TENANT, ACL)]
        listing = f"Declared fields: {', '.join(usable)}." if usable else "No fields are declared."
        raise FilterError(
            f"filter.{shown_name(name)}: unknown field. {listing} Declare it under collection.fields to "
            f"filter by it.{did_you_mean(shown_name(name), usable)}"
        )
    return spec


def _parse_field(spec: FieldSpec, raw: object) -> Iterator[Filter]:
    if not isinstance(raw, Mapping):
        raw = {"in" if isinstance(raw, list | tuple | set | frozenset) else "eq": raw}
    if not raw:
        raise FilterError(f"filter.{spec.name}: no operator. Expected one of {', '.join(OPERATORS)}")
    for name, value in raw.items():
        where = f"filter.{spec.name}.{shown_name(name)}"
        if name in _ONE:
            leaf = _ONE[name](spec.name, _value(value, spec, where))
        elif name in _MANY:
            if not isinstance(value, list | tuple | set | frozenset):
                raise FilterError(f"{where}: {shown(value)}: expected a list of values")
            leaf = _MANY[name](spec.name, tuple(_value(v, spec, where) for v in value))
        elif name == "exists":
            if not isinstance(value, bool):
                raise FilterError(f"{where}: {shown(value)}: expected true or false")
            leaf = Exists(spec.name) if value else Not(Exists(spec.name))
        else:
            hint = did_you_mean(shown_name(name), OPERATORS)
            raise FilterError(f"{where}: unknown operator. Operators: {', '.join(OPERATORS)}.{hint}")
        _check_operator(leaf, spec, where)
        yield leaf


def _check_operator(leaf: Filter, spec: FieldSpec, where: str) -> None:
    if isinstance(leaf, _RANGES) and spec.type not in _ORDERED:
        raise FilterError(
            f"{where}: {spec.name} is declared as {spec.declaration}, which has no order. "
            "Ranges work on integer, number and datetime fields"
        )
    if isinstance(leaf, Contains) and not spec.many and spec.type is not FieldType.TEXT:
        raise FilterError(
            f"{where}: contains works on lists and on text, and {spec.name} is declared as "
            f"{spec.declaration}. Use eq or in, or declare it as [{spec.type.value}] or text"
        )


def _value(value: object, spec: FieldSpec, where: str) -> Value:
    """A filter's value in the field's type: instants for dates, everything else as it is."""
    match spec.type:
        case FieldType.KEYWORD | FieldType.TEXT if isinstance(value, str):
            # A text of a class of its own may say, when it is asked again, that it is another.
            return str.__str__(value)
        case FieldType.BOOLEAN if isinstance(value, bool):
            return value
        case FieldType.INTEGER | FieldType.NUMBER if is_number(value):
            return value  # type: ignore[return-value]
        case FieldType.DATETIME if (moment := instant_of(value)) is not None:
            return moment
    hint = " To ask whether the field is missing, use {'exists': false}." if value is None else ""
    expected = "a finite number" if spec.type is FieldType.INTEGER else EXPECTED[spec.type]
    raise FilterError(
        f"{where}: {shown(value)} ({type(value).__name__}): expected {expected}, "
        f"for the field is declared as {spec.declaration}.{hint}"
    )


def check_filter(filter: Filter, fields: Mapping[str, FieldSpec]) -> None:  # noqa: A002
    """Checks a tree that was built by hand as `parse_filter` checks what it reads.

    Raises:
        FilterError: as `parse_filter`.
    """
    _check_tree(filter, fields, 0)


def _check_tree(tree: Filter, fields: Mapping[str, FieldSpec], depth: int) -> None:
    _check_depth(depth)
    if type(tree) not in _KINDS:
        raise FilterError(f"{shown(tree)} is not a filter")
    match tree:
        case And(parts) | Or(parts):
            _check_tuple(parts, tree, "filters")
            for part in parts:
                _check_tree(part, fields, depth + 1)
        case Not(part):
            _check_tree(part, fields, depth + 1)
        case In(name, values) | NotIn(name, values):
            spec = _declared(name, fields)
            _check_tuple(values, tree, "values")
            for value in values:
                _check_value(value, spec)
        case Exists(name):
            _declared(name, fields)
        case Eq() | Ne() | Gt() | Gte() | Lt() | Lte() | Contains():
            spec = _declared(tree.field, fields)
            _check_operator(tree, spec, f"filter.{spec.name}")
            _check_value(tree.value, spec)


def _check_tuple(parts: object, tree: Filter, what: str) -> None:
    # A list could change after the check, and is no key to remember an answer by.
    if not isinstance(parts, tuple):
        raise FilterError(f"filter: {type(tree).__name__} of {shown(parts)}: expected a tuple of {what}")


def _check_value(value: Value, spec: FieldSpec) -> None:
    if spec.type is FieldType.DATETIME and not (isinstance(value, datetime) and value.tzinfo is not None):
        raise FilterError(
            f"filter.{spec.name}: {shown(value)}: expected a datetime with its zone, "
            "for example datetime(2025, 1, 31, tzinfo=UTC)"
        )
    _value(value, spec, f"filter.{spec.name}")


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
            word = next(word for word, kind in _ONE.items() if kind is type(filter))
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
