"""A filter as conditions of the server, from both sides: what it certainly shows, and what it may show.

Equality, membership and presence are compared by words and are exact. Ranges are compared by floats, and a
part of a text not at all, so these have a lower and an upper bound; `Not` exchanges the two. The server is
given the upper bound, and every hit is judged by the reference evaluator afterwards.

No empty list is ever sent: for the server `must: []` and `should: []` hold for everything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

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
from ragkit_connectors.qdrant import tokens

if TYPE_CHECKING:
    from qdrant_client import models

# What always holds is True, what never does is False, so neither is ever sent.
Condition = Any
Bounds = tuple[Condition, Condition]
PUSHED_DOWN = frozenset({"eq", "ne", "in", "not_in", "exists"})  # what the server decides as we do
_ROUNDINGS = 4  # floats that the server's reading of a number may be away from ours


def all_of(parts: Iterable[Condition]) -> Condition:
    """Where all parts hold."""
    from qdrant_client import models

    left = [part for part in parts if part is not True]
    if any(part is False for part in left):
        return False
    return True if not left else left[0] if len(left) == 1 else models.Filter(must=left)


def any_of(parts: Iterable[Condition]) -> Condition:
    """Where one part holds."""
    from qdrant_client import models

    left = [part for part in parts if part is not False]
    if any(part is True for part in left):
        return True
    return False if not left else left[0] if len(left) == 1 else models.Filter(should=left)


def none_of(part: Condition) -> Condition:
    """Where a part does not hold."""
    from qdrant_client import models

    return not part if isinstance(part, bool) else models.Filter(must_not=[part])


def equals(key: str, value: str | int) -> models.FieldCondition:
    """Where a key holds a value."""
    from qdrant_client import models

    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def is_among(key: str, values: Sequence[Any]) -> Condition:
    """Where a key holds one of the values; of none, nowhere."""
    from qdrant_client import models

    if not values:
        return False
    return models.FieldCondition(key=key, match=models.MatchAny(any=list(values)))


def in_range(key: str, **limits: float) -> models.FieldCondition:
    """Where a number lies within limits: `gt`, `gte`, `lt`, `lte`."""
    from qdrant_client import models

    return models.FieldCondition(key=key, range=models.Range(**limits))


def as_filter(condition: Condition) -> models.Filter | None:
    """A condition as a search takes it; None where everything is meant. False must not come here."""
    from qdrant_client import models

    if condition is True:
        return None
    assert condition is not False
    return condition if isinstance(condition, models.Filter) else models.Filter(must=[condition])


def upper_bound(wanted: Filter) -> Condition:
    """A condition that holds wherever the filter does, and seldom elsewhere."""
    return _bounds(wanted)[1]


def _bounds(wanted: Filter) -> Bounds:
    match wanted:
        case And(parts):
            return _joined(parts, all_of)
        case Or(parts):
            return _joined(parts, any_of)
        case Not(part):
            lower, upper = _bounds(part)
            return none_of(upper), none_of(lower)
        case Exists(name):
            return _exact(equals("k", tokens.exists(name)))
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


def _exact(condition: Condition) -> Bounds:
    return condition, condition


def _joined(parts: Sequence[Filter], join: Any) -> Bounds:
    bounds = [_bounds(part) for part in parts]
    return join(lower for lower, _ in bounds), join(upper for _, upper in bounds)


def _holding(name: str, values: Sequence[Value]) -> Condition:
    words = [word for value in values if (word := tokens.holds(name, value)) is not None]
    return is_among("k", list(dict.fromkeys(words)))


def _denied(name: str, values: Sequence[Value]) -> Condition:
    """That a field holds something comparable, and none of the values."""
    kinds = sorted({tokens.kind_of(value) for value in values})
    comparable = [tokens.exists(name, kind) for kind in kinds] or [tokens.exists(name)]
    return all_of([is_among("k", comparable), none_of(_holding(name, values))])


def _contains(name: str, value: Value) -> Bounds:
    element = _holding(name, (value,))
    if not isinstance(value, str):
        return _exact(element)
    is_text = all_of([equals("k", tokens.is_one(name)), equals("k", tokens.exists(name, "s"))])
    return element, any_of([element, is_text])


def _range(name: str, value: Value, *, is_above: bool) -> Bounds:
    place = tokens.ordinal(value)
    if place is None:
        return False, False
    outwards, inwards = (-math.inf, math.inf) if is_above else (math.inf, -math.inf)
    key, side = tokens.exists(name, tokens.kind_of(value)), "gte" if is_above else "lte"
    return tuple(_lies(key, side, _stepped(place, towards)) for towards in (inwards, outwards))


def _lies(key: str, side: str, limit: float) -> Condition:
    from qdrant_client import models

    inner = models.Filter(must=[equals("n", key), in_range("v", **{side: limit})])
    return models.NestedCondition(nested=models.Nested(key="r", filter=inner))


def _stepped(place: float, towards: float) -> float:
    for _ in range(_ROUNDINGS):
        place = math.nextafter(place, towards)
    largest = 1.7e308
    return max(-largest, min(largest, place))
