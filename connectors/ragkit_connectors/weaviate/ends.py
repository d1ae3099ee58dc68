"""Which commit ended an object, on a server that changes objects without a condition.

A writer that lost its lease may have a request on its way that ends an object, and it may arrive when
another writer has ended the object long since: one number for the end would then be overwritten by one
that is burnt, and the object stand again. So there are `SLOTS` numbers. Which one a commit writes hangs
on how many were burnt before it: the commits of the next writer, who burns the number of the one before,
use another one.

>>> [slot_of(number, burnt=(2, 5)) for number in (1, 2, 3, 5, 6)]
[0, 0, 1, 1, 0]
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ragkit.store.remote.conditions import AllOf, Among, AnyOf, Condition, NoneOf, Within, all_of, any_of
from ragkit.store.remote.head import OPEN

SLOTS = 2
NAMES = tuple(f"to{slot}" for slot in range(SLOTS))


def slot_of(number: int, burnt: Collection[int]) -> int:
    """Where a commit writes that it ended something: what was burnt before it never changes."""
    return sum(other < number for other in burnt) % SLOTS


def end_of(slots: Iterable[int]) -> int:
    """The end that counts: nothing is ended any more after a commit that happened, so it is the last."""
    return max((number for number in slots if number != OPEN), default=OPEN)


def spread(condition: Condition, only: int | None = None) -> Condition:
    """A condition with all slots in the place of `to`: what holds of an object that stands must hold of each
    of them, what does not of one.

    Args:
        condition: whose conditions on `to` are of one kind wherever they stand together.
        only: one slot alone.
    """
    match condition:
        case AllOf(parts):
            ends = [part for part in parts if _is_of_end(part)]
            others = [spread(part, only) for part in parts if not _is_of_end(part)]
            return all_of([*others, *([_of_slots(all_of(ends), only)] if ends else [])])
        case AnyOf(parts) if not _is_of_end(condition):
            return any_of(spread(part, only) for part in parts)
    return _of_slots(condition, only) if _is_of_end(condition) else condition


def _of_slots(condition: Condition, only: int | None) -> Condition:
    names = NAMES if only is None else NAMES[only : only + 1]
    spelled = [_renamed(condition, name) for name in names]
    return all_of(spelled) if _holds(condition, OPEN) else any_of(spelled)


def _is_of_end(condition: Condition) -> bool:
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return all(map(_is_of_end, parts))
        case NoneOf(part):
            return _is_of_end(part)
        case Among(key, _) | Within(key):
            return key == "to"
    return False


def _holds(condition: Condition, number: int) -> bool:
    match condition:
        case AllOf(parts):
            return all(_holds(part, number) for part in parts)
        case AnyOf(parts):
            return any(_holds(part, number) for part in parts)
        case NoneOf(part):
            return not _holds(part, number)
        case Among(_, values):
            return number in values
        case Within(_, gt, gte, lt, lte):
            return (
                (gt is None or number > gt)
                and (gte is None or number >= gte)
                and (lt is None or number < lt)
                and (lte is None or number <= lte)
            )
    raise AssertionError(f"{condition!r} is not of the end of an object")


def _renamed(condition: Condition, name: str) -> Condition:
    match condition:
        case AllOf(parts):
            return AllOf(tuple(_renamed(part, name) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_renamed(part, name) for part in parts))
        case NoneOf(part):
            return NoneOf(_renamed(part, name))
        case Among(_, values):
            return Among(name, values)
        case Within(_, gt, gte, lt, lte):
            return Within(name, gt, gte, lt, lte)
    raise AssertionError(f"{condition!r} is not of the end of an object")
