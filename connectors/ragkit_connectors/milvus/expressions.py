"""Conditions as Milvus' expressions: columns are constant, values are whole numbers, floats and codes.

Negations are carried down to the columns, none of which is ever null: what an expression says of a missing
value differs between versions.

`to` is compared as it will be: what a commit has ended, and the rows do not say yet, is in `Ended`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ragkit.store.remote.conditions import AllOf, Among, AnyOf, Beyond, Condition, NoneOf, Within
from ragkit.store.remote.head import OPEN
from ragkit.store.remote.server import CHUNKS, Place
from ragkit_connectors.milvus.codes import code

LISTS = frozenset({"acl", "k", "terms"})
COLUMNS = {"from": "from_commit", "to": "to_commit", "ends_ms": "ends_ms"}  # of whole numbers
EVERYTHING = "pk != ''"
_MOST_VALUES = 2_000  # of a condition


@dataclass(frozen=True, slots=True)
class Ended:
    """What a commit has ended: the codes of documents' or records' keys of a place."""

    number: int
    codes: frozenset[str]


def key_of(place: Place) -> str:
    """By which key of a place a commit says what it ends."""
    return "doc" if place == CHUNKS else "key"


def expression(condition: Condition, place: Place, ended: Collection[Ended] = ()) -> str:
    """A condition as an expression. False must not come here."""
    assert condition is not False
    return EVERYTHING if condition is True else _Said(place, tuple(ended)).of(condition, is_so=True)


def with_pks(pks: Iterable[str]) -> str:
    """The rows with these keys, which we make ourselves."""
    return f"pk in {_listed(pks)}"


@dataclass(frozen=True, slots=True)
class _Said:
    place: Place
    ended: tuple[Ended, ...]

    def of(self, condition: Condition, *, is_so: bool) -> str:
        match condition:
            case bool():
                return EVERYTHING if condition == is_so else "pk == ''"
            case AllOf(parts) | AnyOf(parts):
                joint = " and " if isinstance(condition, AllOf) == is_so else " or "
                return "(" + joint.join(self.of(part, is_so=is_so) for part in parts) + ")"
            case NoneOf(part):
                return self.of(part, is_so=not is_so)
            case Among("to", _) | Within("to"):
                return self._of_end(condition, is_so=is_so)
            case Among(key, values):
                return _among(key, values, is_so=is_so)
            case Within(key):
                return _within(condition, COLUMNS[key], is_so=is_so)
            case Beyond():
                return _beyond(condition, is_so=is_so)
        raise AssertionError(f"{condition!r} is no condition")

    def _of_end(self, condition: Among | Within, *, is_so: bool) -> str:
        """The same of `to`, which is the number of the first that has ended a row where the row says none."""
        plain = (
            _among("to", condition.values, is_so=is_so)
            if isinstance(condition, Among)
            else _within(condition, COLUMNS["to"], is_so=is_so)
        )
        said, before = [], ""
        for ended in sorted(self.ended, key=lambda e: e.number):
            covered = (
                f"{key_of(self.place)} in {_listed(sorted(ended.codes))} "
                f"and from_commit < {ended.number} and to_commit == {OPEN}"
            )
            if holds(condition, ended.number) == is_so:
                said.append(f"({before}{covered})")
            before += f"not ({covered}) and "
        return "(" + " or ".join([*said, f"({before}{plain})"]) + ")" if before else plain


def holds(condition: Among | Within, number: int) -> bool:
    """Whether a condition holds for a number."""
    if isinstance(condition, Among):
        return number in condition.values
    return (
        (condition.gt is None or number > condition.gt)
        and (condition.gte is None or number >= condition.gte)
        and (condition.lt is None or number < condition.lt)
        and (condition.lte is None or number <= condition.lte)
    )


def end_of(row: Mapping[str, Any], place: Place, ended: Collection[Ended]) -> int:
    """Which commit ended a row, also where the row does not say it yet."""
    end = int(row["to_commit"])
    if end != OPEN or not ended:
        return end
    name = row[key_of(place)]
    mine = (e.number for e in ended if row["from_commit"] < e.number and name in e.codes)
    return min(mine, default=end)


def _among(key: str, values: Sequence[str | int], *, is_so: bool) -> str:
    if key in COLUMNS:
        listed = "[" + ", ".join(str(int(value)) for value in values) + "]"
        return f"{COLUMNS[key]} {'in' if is_so else 'not in'} {listed}"
    if key == "k" and len(values) > _MOST_VALUES:
        return EVERYTHING  # more than an expression should hold: the filter is judged here
    codes = _listed(code(str(value)) for value in values)
    if key in LISTS:
        return f"{'' if is_so else 'not '}array_contains_any({key}, {codes})"
    if len(values) == 1:
        return f"{key} {'==' if is_so else '!='} {codes[1:-1]}"
    return f"{key} {'in' if is_so else 'not in'} {codes}"


def _within(limits: Within, column: str, *, is_so: bool) -> str:
    """Whole numbers within limits that may be none."""
    said = [
        *([] if limits.gt is None else [(">", "<=", math.floor(limits.gt))]),
        *([] if limits.gte is None else [(">=", "<", math.ceil(limits.gte))]),
        *([] if limits.lt is None else [("<", ">=", math.ceil(limits.lt))]),
        *([] if limits.lte is None else [("<=", ">", math.floor(limits.lte))]),
    ]
    joint = " and " if is_so else " or "
    return "(" + joint.join(f"{column} {so if is_so else other} {n}" for so, other, n in said) + ")"


def _beyond(limit: Beyond, *, is_so: bool) -> str:
    """By the greatest or the least value of a field. A field without one has no such key."""
    most = f'r["{extreme(limit.word, limit.side)}"]'
    known = f"array_contains_any(k, {_listed([code(limit.word)])})"
    reached = (">=", "<") if limit.side == "gte" else ("<=", ">")
    place = repr(float(limit.limit))
    return (
        f"({known} and {most} {reached[0]} {place})"
        if is_so
        else f"(not {known} or {most} {reached[1]} {place})"
    )


def extreme(word: str, side: str) -> str:
    """Under which key the value of a field lies that reaches farthest to a side."""
    return f"{side}_{code(word)}"


def _listed(codes: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{one}"' for one in codes) + "]"
