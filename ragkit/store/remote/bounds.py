"""A filter as a condition of the server, from both sides: what it certainly shows, and what it may show.

Equality, membership and presence are compared by words and are exact. Ranges are compared by floats, and a
part of a text not at all, so these have a lower and an upper bound; `Not` exchanges the two. The server is
given the upper bound, and every hit is judged by the reference evaluator afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeAlias

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
from ragkit.store.remote import words
from ragkit.store.remote.conditions import (
    AllOf,
    AnyOf,
    Beyond,
    Condition,
    NoneOf,
    all_of,
    any_of,
    equals,
    is_among,
    none_of,
)

Bounds: TypeAlias = tuple[Condition, Condition]
PUSHED_DOWN = frozenset({"eq", "ne", "in", "not_in", "exists"})  # what the server decides as we do
_ROUNDINGS = 4  # floats that the server's reading of a number may be away from ours
_DEEPEST = 12  # servers limit how deep conditions may lie in one another,
_LARGEST = 400  # and how many there may be


def upper_bound(wanted: Filter) -> Condition:
    """A condition that holds wherever the filter does, and seldom elsewhere."""
    upper = _bounds(wanted, _DEEPEST)[1]
    return True if _size(upper) > _LARGEST else upper


def _bounds(wanted: Filter, depth: int) -> Bounds:
    if depth == 0:
        return False, True
    match wanted:
        case And(parts):
            return _joined(parts, all_of, depth)
        case Or(parts):
            return _joined(parts, any_of, depth)
        case Not(part):
            lower, upper = _bounds(part, depth - 1)
            return none_of(upper), none_of(lower)
        case Exists(name):
            return _exact(equals("k", words.exists(name)))
        case Eq(name, value):
            return _exact(_holding(name, (value,)))
        case In(name, values):
            return _exact(_holding(name, values))
        case Ne(name, value):
            return _exact(_denied(name, (value,)))
        case NotIn(name, values):
            return _exact(_denied(name, values))
        case Contains(name, value):
            return _contains(name, value)
        case Gt(name, value) | Gte(name, value) | Lt(name, value) | Lte(name, value):
            return _range(name, value, is_above=isinstance(wanted, Gt | Gte))
    raise FilterError(f"{type(wanted).__name__} is not a filter")


def _size(condition: Condition) -> int:
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return 1 + sum(map(_size, parts))
        case NoneOf(part):
            return 1 + _size(part)
    return 1


def _exact(condition: Condition) -> Bounds:
    return condition, condition


def _joined(parts: Sequence[Filter], join: Callable[[Iterable[Condition]], Condition], depth: int) -> Bounds:
    bounds = [_bounds(part, depth - 1) for part in parts]
    return join(lower for lower, _ in bounds), join(upper for _, upper in bounds)


def _holding(name: str, values: Sequence[Value]) -> Condition:
    held = [word for value in values if (word := words.holds(name, value)) is not None]
    return is_among("k", list(dict.fromkeys(held)))


def _denied(name: str, values: Sequence[Value]) -> Condition:
    """That a field holds something comparable, and none of the values."""
    kinds = sorted({words.kind_of(value) for value in values})
    comparable = [words.exists(name, kind) for kind in kinds] or [words.exists(name)]
    return all_of([is_among("k", comparable), none_of(_holding(name, values))])


def _contains(name: str, value: Value) -> Bounds:
    element = _holding(name, (value,))
    if not isinstance(value, str):
        return _exact(element)
    is_text = all_of([equals("k", words.is_one(name)), equals("k", words.exists(name, "s"))])
    return element, any_of([element, is_text])


def _range(name: str, value: Value, *, is_above: bool) -> Bounds:
    place = words.ordinal(value)
    if place is None:
        return False, False
    outwards, inwards = (-math.inf, math.inf) if is_above else (math.inf, -math.inf)
    word = words.exists(name, words.kind_of(value))
    side: Literal["gte", "lte"] = "gte" if is_above else "lte"
    return Beyond(word, side, _stepped(place, inwards)), Beyond(word, side, _stepped(place, outwards))


def _stepped(place: float, towards: float) -> float:
    for _ in range(_ROUNDINGS):
        place = math.nextafter(place, towards)
    largest = 1.7e308
    return max(-largest, min(largest, place))
