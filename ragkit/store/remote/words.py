"""Metadata as words that the server can compare exactly: equality of words is equality of values.

Names of keys in the server's filters are constant, and no text of a document or a question is part of one.

    "4:lang:s:ru"     the field `lang` holds the text "ru" (kinds: s texts, n numbers, b booleans, t instants)
    "4:lang:?s:"      it holds a text
    "4:lang:?:"       it is there
    "4:lang:1:"       it holds one value and not a list

What is long or does not print is named by its digest.
"""

from __future__ import annotations

import hashlib
import sys
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ragkit.fields import instant_of, is_number
from ragkit.filters import Value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BEYOND = 10**400
_LONGEST = 200  # characters
RANGED = "nt"  # the kinds that have an order


def word(text: str) -> str:
    """A text as one word: itself, or its digest where it is long or does not print."""
    if len(text) <= _LONGEST and text.isprintable() and not text.startswith("#"):
        return text
    return "#" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def point_id(*parts: str) -> str:
    """The id of a point, the same for the same parts: 128 bits of a digest as a UUID.

    >>> point_id("a", "b") == point_id("ab", "")
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return str(uuid.UUID(bytes=digest.digest()[:16]))


def kind_of(value: Value) -> str:
    """Under which kind a filter's value is compared."""
    if isinstance(value, datetime):
        return "t"
    if isinstance(value, bool):
        return "b"
    return "s" if isinstance(value, str) else "n"


def exists(name: str, kind: str = "") -> str:
    """The word of a field that is there, with a value of a kind."""
    return word(f"{len(name)}:{name}:?{kind}:")


def is_one(name: str) -> str:
    """The word of a field that holds one value and not a list."""
    return word(f"{len(name)}:{name}:1:")


def holds(name: str, value: Value) -> str | None:
    """The word of a field that holds a value; None for a value that equals none."""
    kind = kind_of(value)
    spelling = _spelling(value, kind)
    return None if spelling is None else word(f"{len(name)}:{name}:{kind}:{spelling}")


def ordinal(value: Value) -> float | None:
    """A number or an instant as the float nearest to it, so that order is kept up to rounding."""
    if isinstance(value, datetime):
        moment = instant_of(value)
        return None if moment is None else float(_micros(moment))
    try:
        return float(value)
    except OverflowError:
        return sys.float_info.max if value > 0 else -sys.float_info.max  # type: ignore[operator]


def words_of(metadata: Mapping[str, Any]) -> list[str]:
    """The words of a chunk's metadata, each once.

    >>> words_of({"year": 2024})
    ['4:year:?:', '4:year:1:', '4:year:?n:', '4:year:n:2024']
    """
    out: dict[str, None] = {}
    for name, values, is_many in _present(metadata):
        out[exists(name)] = None
        if not is_many:
            out[is_one(name)] = None
        for value in values:
            out[exists(name, kind_of(value))] = None
            held = holds(name, value)
            if held is not None:
                out[held] = None
    return list(out)


def ranges_of(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What has an order in a chunk's metadata, as nearest floats."""
    return [
        {"n": exists(name, kind), "v": place}
        for name, values, _ in _present(metadata)
        for value in values
        if (kind := kind_of(value)) in RANGED and (place := ordinal(value)) is not None
    ]


def _present(metadata: Mapping[str, Any]) -> Iterator[tuple[str, list[Any], bool]]:
    """Fields that hold something; instants that texts name stand beside the texts."""
    for name, value in metadata.items():
        is_many = isinstance(value, list | tuple)
        values = [v for v in (value if is_many else (value,)) if v is not None]
        moments = [moment for v in values if isinstance(v, str) and (moment := instant_of(v)) is not None]
        if values:
            yield name, [*values, *moments], is_many


def _spelling(value: Any, kind: str) -> str | None:
    if kind == "t":
        moment = instant_of(value)
        return None if moment is None else str(_micros(moment))
    if kind == "b":
        return "true" if value else "false"
    if kind == "s":
        return str.__str__(value)
    if isinstance(value, int):
        # What is stored fits 64 bits or a float: beyond, every number compares as this one does.
        return str(max(-_BEYOND, min(_BEYOND, int(value))))
    if not is_number(value):
        return None
    # All digits: two floats whose shortest spellings differ may surround a whole number.
    return "0" if value == 0 else format(Decimal(value), "f")


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
