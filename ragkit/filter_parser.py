"""What a caller gives as a filter, made into a tree that fits the declared fields, or refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from ragkit.errors import FilterError, did_you_mean
from ragkit.fields import (
    ACL,
    EXPECTED,
    TENANT,
    FieldSpec,
    FieldType,
    instant_of,
    is_number,
    shown,
    shown_name,
)
from ragkit.filters import (
    MANY_VALUES,
    ONE_VALUE,
    OPERATORS,
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

_RANGES = (Gt, Gte, Lt, Lte)
_KINDS = frozenset({*ONE_VALUE.values(), *MANY_VALUES.values(), Exists, And, Or, Not})
_ORDERED = frozenset({FieldType.INTEGER, FieldType.NUMBER, FieldType.DATETIME})
# Trees are walked by recursion, and Python's own limit is no error a caller can use.
MAX_DEPTH = 100


def parse_filter(raw: object, fields: Mapping[str, FieldSpec]) -> Filter | None:
    """The filter that `raw` says, checked against the declared fields; None for an empty one.

    A `Filter` is checked and given back.

    >>> from ragkit.fields import parse_fields
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
        if name in ONE_VALUE:
            leaf = ONE_VALUE[name](spec.name, _value(value, spec, where))
        elif name in MANY_VALUES:
            if not isinstance(value, list | tuple | set | frozenset):
                raise FilterError(f"{where}: {shown(value)}: expected a list of values")
            leaf = MANY_VALUES[name](spec.name, tuple(_value(v, spec, where) for v in value))
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
