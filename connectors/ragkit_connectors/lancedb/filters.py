"""Conditions in the words of LanceDB, which takes them as text.

Names of columns are constant. A text that is compared stands between single quotes, those within it doubled:
the parser knows no other escape. A range is compared with the least and the greatest value of a group of
fields, which lets a little more through; where less must not be denied, nothing is.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from ragkit.store.remote.conditions import AllOf, Among, AnyOf, Beyond, Condition, NoneOf, Within

SLOTS = 16  # groups that fields with an order are dealt out to
_COLUMNS = {"from": "first", "to": "last"}
_SINGLE = frozenset({"id", "doc", "tenant", "first", "last"})
_LISTS = frozenset({"acl", "terms", "k"})
_MOST_WORDS = 5_000  # of one condition on metadata; hits are judged afterwards


def as_sql(condition: Condition) -> str:
    """A condition as a search takes it; it holds wherever the condition does, and seldom elsewhere.

    >>> as_sql(Among("tenant", ("o'neil",)))
    "tenant = 'o''neil'"
    """
    return _said(condition, is_upper=True)


def slot_of(word: str) -> str:
    """Which pair of columns holds the bounds of a field, as the end of their names."""
    return f"{zlib.crc32(word.encode()) % SLOTS:02d}"


def column_of(key: str) -> str:
    """The column that holds a key; `from` and `to` are words of the language."""
    return _COLUMNS.get(key, key)


def quoted(value: str | int) -> str:
    """A value as it stands in a condition."""
    return str(int(value)) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def _said(condition: Condition, *, is_upper: bool) -> str:
    """`is_upper`: whether it may hold where the condition does not; else it may fail where that holds."""
    match condition:
        case bool():
            return "true" if condition else "false"
        case AllOf(parts):
            return "(" + " AND ".join(_said(part, is_upper=is_upper) for part in parts) + ")"
        case AnyOf(parts):
            return "(" + " OR ".join(_said(part, is_upper=is_upper) for part in parts) + ")"
        case NoneOf(part):
            return f"({_said(part, is_upper=not is_upper)} IS NOT TRUE)"
        case Among(key, values):
            return _among(column_of(key), values, is_upper=is_upper)
        case Within(key, gt, gte, lt, lte):
            limits = ((">", gt), (">=", gte), ("<", lt), ("<=", lte))
            name = column_of(key)
            assert name in _SINGLE
            parts_ = [f"{name} {sign} {_number(limit)}" for sign, limit in limits if limit is not None]
            return "(" + " AND ".join(parts_) + ")"
        case Beyond(word, side, limit):
            if not is_upper:
                return "false"
            name, sign = ("hi", ">=") if side == "gte" else ("lo", "<=")
            return f"({name}{slot_of(word)} {sign} {limit!r} AND array_has(k, {quoted(word)}))"
    raise AssertionError(f"{condition!r} is no condition")


def _among(name: str, values: Sequence[str | int], *, is_upper: bool) -> str:
    if name in _LISTS:
        if name == "k" and len(values) > _MOST_WORDS:
            return "true" if is_upper else "false"
        if len(values) == 1:
            return f"array_has({name}, {quoted(values[0])})"
        return f"array_has_any({name}, [{', '.join(map(quoted, values))}])"
    assert name in _SINGLE, name
    if len(values) == 1:
        return f"{name} = {quoted(values[0])}"
    return f"{name} IN ({', '.join(map(quoted, values))})"


def _number(limit: float) -> str:
    return str(int(limit)) if limit == int(limit) else repr(float(limit))
