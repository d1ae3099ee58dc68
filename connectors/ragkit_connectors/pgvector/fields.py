"""A chunk's metadata as JSON that the database can compare exactly.

Each field that is there becomes an object that holds its values by kind:

    {"lang": {"one": true, "s": ["ru"]}, "sizes": {"n": [1, 2]}, "date": {"one": true, "s": [...], "t": [0]}}

`s` are texts, `n` numbers (every digit of them), `b` booleans, `t` the instants that texts name, in
microseconds; `one` says that the field holds one value and not a list. JSON's numbers are decimals of any
length there, so numbers compare as Python's do, whole or not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ragkit.fields import instant_of, is_number
from ragkit.filters import Value
from ragkit_connectors.pgvector.encoding import spelled

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BEYOND = 10**400


def fields_json(metadata: Mapping[str, Any]) -> str:
    """The JSON for a chunk's metadata.

    >>> fields_json({"year": 2024, "tags": [], "note": None})
    '{"year":{"one":true,"n":[2024]}}'
    """
    parts = [f"{_text(name)}:{_field(value)}" for name, value in metadata.items() if not _is_missing(value)]
    return "{" + ",".join(parts) + "}"


def kind_of(value: Value) -> str:
    """Under which kind a filter's value is compared."""
    if isinstance(value, datetime):
        return "t"
    if isinstance(value, bool):
        return "b"
    return "s" if isinstance(value, str) else "n"


def value_json(value: Value) -> str:
    """A filter's value as its kind is kept."""
    if isinstance(value, datetime):
        moment = instant_of(value)
        # One that lies outside of what Python can tell in UTC equals nothing and is compared as such.
        return "null" if moment is None else str(_micros(moment))
    return _scalar(value)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, list | tuple) and all(v is None for v in value))


def _field(value: Any) -> str:
    is_many = isinstance(value, list | tuple)
    values = [v for v in value if v is not None] if is_many else [value]
    kinds: dict[str, list[str]] = {}
    for v in values:
        kinds.setdefault(kind_of(v), []).append(_scalar(v))
        if isinstance(v, str) and (moment := instant_of(v)) is not None:
            kinds.setdefault("t", []).append(str(_micros(moment)))
    one = [] if is_many else ['"one":true']
    return "{" + ",".join([*one, *(f'"{kind}":{_list(items)}' for kind, items in kinds.items())]) + "}"


def _list(items: Iterable[str]) -> str:
    return "[" + ",".join(items) + "]"


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # What is stored fits 64 bits or a float: beyond, every number compares as this one does.
        return str(max(-_BEYOND, min(_BEYOND, int(value))))
    if is_number(value):
        # All digits: two floats whose shortest spellings differ may surround a whole number.
        return format(Decimal(value), "f")
    return _text(str(value))


def _text(text: str) -> str:
    return json.dumps(spelled(text), ensure_ascii=False)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
