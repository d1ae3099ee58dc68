"""Which points a call means, as values: a connector puts them into the words of its server.

No empty choice is ever made: what always holds is True, what never does is False, and a call that means False
is not sent. Texts and numbers are values and never part of a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class AllOf:
    """Where all parts hold; at least two."""

    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Where one part holds; at least two."""

    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """Where a part does not hold."""

    part: Any


@dataclass(frozen=True, slots=True)
class Among:
    """Where a key holds one of the values; at least one, all of a kind."""

    key: str
    values: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Within:
    """Where a number lies within limits; at least one is given."""

    key: str
    gt: float | None = None
    gte: float | None = None
    lt: float | None = None
    lte: float | None = None


@dataclass(frozen=True, slots=True)
class Beyond:
    """Where one of the ordered values of a field lies at or beyond a limit.

    Args:
        word: names the field and the kind of value; see `words.exists`.
        side: whether the limit is the least or the greatest.
        limit: a finite number.
    """

    word: str
    side: Literal["gte", "lte"]
    limit: float


_HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair
Condition: TypeAlias = AllOf | AnyOf | NoneOf | Among | Within | Beyond | bool


def all_of(parts: Iterable[Condition]) -> Condition:
    """Where all parts hold.

    >>> all_of([True, equals("a", 1)])
    Among(key='a', values=(1,))
    """
    left: list[Condition] = []
    for part in parts:
        left += part.parts if isinstance(part, AllOf) else () if part is True else (part,)
    if any(part is False for part in left):
        return False
    return True if not left else left[0] if len(left) == 1 else AllOf(tuple(left))


def any_of(parts: Iterable[Condition]) -> Condition:
    """Where one part holds.

    >>> any_of([])
    False
    """
    left = [part for part in parts if part is not False]
    if any(part is True for part in left):
        return True
    return False if not left else left[0] if len(left) == 1 else AnyOf(tuple(left))


def none_of(part: Condition) -> Condition:
    """Where a part does not hold."""
    return not part if isinstance(part, bool) else NoneOf(part)


def equals(key: str, value: str | int) -> Condition:
    """Where a key holds a value."""
    return is_among(key, (value,))


def is_among(key: str, values: Sequence[str | int]) -> Condition:
    """Where a key holds one of the values; of none, nowhere.

    Half a surrogate pair cannot be sent, and is refused where it is written, so nothing holds it.

    >>> is_among("a", ["x", "\\ud800"])
    Among(key='a', values=('x',))
    """
    left = tuple(value for value in values if isinstance(value, int) or not _HALF.search(value))
    return Among(key, left) if left else False


def in_range(key: str, **limits: float) -> Condition:
    """Where a number lies within limits: `gt`, `gte`, `lt`, `lte`."""
    return Within(key, **limits)
