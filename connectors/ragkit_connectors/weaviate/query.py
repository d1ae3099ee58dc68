"""Conditions and queries in the words of the server.

The text of a query holds names that are constant, numbers, and tokens, which are hexadecimal digits: no text
of a document, a question or a tenant is ever a part of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ragkit.store.remote.conditions import AllOf, Among, AnyOf, Beyond, Condition, NoneOf, Within
from ragkit.store.remote.tokens import NUMBERS, beyond_tokens, tokens_of, without_denials
from ragkit_connectors.weaviate.ends import NAMES, spread
from ragkit_connectors.weaviate.schema import COLUMNS

Where = dict[str, Any]
_NUMBERS = NUMBERS | set(NAMES)
_PLAIN = re.compile(r"[A-Za-z0-9_-]*")
_LIMITS = {"gt": "GreaterThan", "gte": "GreaterThanEqual", "lt": "LessThan", "lte": "LessThanEqual"}


def as_where(condition: Condition, slot: int | None = None) -> Where | None:
    """A condition as the server takes it, None where everything is meant. False must not come here.

    `slot` is the one place of the end that is meant; see `ends`.

    >>> as_where(Among("from", (3,)))
    {'path': ['begun'], 'operator': 'Equal', 'valueNumber': 3}
    """
    wanted = spread(without_denials(condition), slot)
    assert wanted is not False
    return None if wanted is True else _said(wanted)


def _said(condition: Condition) -> Where:
    match condition:
        case AllOf(parts):
            return {"operator": "And", "operands": [_said(part) for part in parts]}
        case AnyOf(parts):
            return {"operator": "Or", "operands": [_said(part) for part in parts]}
        case NoneOf(Among(key, values)):
            return _joined("And", [_number(key, "NotEqual", value) for value in values])
        case Among(key, values) if key in _NUMBERS:
            return _joined("Or", [_number(key, "Equal", value) for value in values])
        case Among(key, values):
            return _holding(COLUMNS[key], tokens_of(values))
        case Within(key, gt, gte, lt, lte):
            limits = {"gt": gt, "gte": gte, "lt": lt, "lte": lte}
            return _joined(
                "And", [_number(key, _LIMITS[side], v) for side, v in limits.items() if v is not None]
            )
        case Beyond(word, side, limit):
            return _holding(COLUMNS["k"], beyond_tokens(word, side, limit))
    raise AssertionError(f"{condition!r} is no condition that can be sent")


def parts_of(condition: Condition, slot: int | None = None) -> list[Where]:
    """A condition as parts that hold together; none where everything is meant."""
    where = as_where(condition, slot)
    return [] if where is None else [where]


def joined(parts: Sequence[Where]) -> Where | None:
    """Where all parts hold; None where everything is meant."""
    return None if not parts else _joined("And", list(parts))


def holding_impacts(tokens: Sequence[str]) -> Where:
    """What holds one of the tokens of words."""
    return _holding("impacts", list(tokens))


def from_place(place: int) -> Where:
    """What stands at a place in the order of objects, or after it."""
    return _number("place", "GreaterThanEqual", place)


def get(name: str, fields: Sequence[str], more: str, **arguments: Any) -> str:
    """A query for objects."""
    return f"{{Get{{{name}{_given(arguments)}{{{' '.join(fields)} _additional{{{more}}}}}}}}}"


def count(name: str, **arguments: Any) -> str:
    """A query for their number."""
    return f"{{Aggregate{{{name}{_given(arguments)}{{meta{{count}}}}}}}}"


def _given(arguments: Mapping[str, Any]) -> str:
    given = ",".join(f"{key}:{_literal(value)}" for key, value in arguments.items() if value is not None)
    return f"({given})" if given else ""


def _literal(value: Any) -> str:
    """A value in GraphQL. Texts that are not plain are refused: none is ever meant to come here."""
    if isinstance(value, dict):
        parts = (
            f"{key}:{part if key in ('operator', 'order') else _literal(part)}" for key, part in value.items()
        )
        return "{" + ",".join(parts) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_literal, value)) + "]"
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) is None:
            raise AssertionError(f"{value!r} is no token")
        return f'"{value}"'
    return json.dumps(value, allow_nan=False)


def _joined(operator: str, parts: list[Where]) -> Where:
    return parts[0] if len(parts) == 1 else {"operator": operator, "operands": parts}


def _number(key: str, operator: str, value: Any) -> Where:
    return {"path": [COLUMNS[key]], "operator": operator, "valueNumber": value}


def _holding(column: str, tokens: list[str]) -> Where:
    if len(tokens) == 1:
        return {"path": [column], "operator": "Equal", "valueText": tokens[0]}
    return {"path": [column], "operator": "ContainsAny", "valueText": tokens}
