"""Texts as tokens, for servers that compare for equality alone: a token is a digest, whatever the text.

What has an order is told by beginnings: a number's bits, four more at a time, are a token each. A range is
then one of at most 121 tokens, wide by less than a millionth of its limit.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from ragkit.store.remote.conditions import (
    AllOf,
    Among,
    AnyOf,
    Condition,
    NoneOf,
    Within,
    all_of,
    any_of,
)

NUMBERS = frozenset({"from", "to", "ends_ms", "commit"})  # the keys that hold numbers; all others hold texts
LEVELS = 8  # of how much a word adds to a chunk's score
_MOST_FACTS = 10_000  # of one condition: a longer choice is judged afterwards
_DIGITS = 8  # of the beginning of a number that is told, of four bits each
_BITS = 4 * _DIGITS


def token(text: str) -> str:
    """96 bits of a digest: 24 hexadecimal digits.

    >>> token("acme") == token("acme"), token("acme") == token("Acme"), len(token("acme"))
    (True, False, 24)
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def place_tokens(ranges: Iterable[Mapping[str, Any]]) -> list[str]:
    """The tokens of a chunk's ordered values, as `words.ranges_of` gives them, each once."""
    found: dict[str, None] = {}
    for place in ranges:
        whole = _beginning(place["v"])
        for digits in range(1, _DIGITS + 1):
            found[_place(place["n"], digits, whole >> 4 * (_DIGITS - digits))] = None
    return list(found)


def beyond_tokens(word: str, side: Literal["gte", "lte"], limit: float) -> list[str]:
    """Tokens of which a value that lies at or beyond a limit has one, and few others do.

    >>> held = place_tokens([{"n": "w", "v": 2024.0}])
    >>> [bool(set(held) & set(beyond_tokens("w", "gte", limit))) for limit in (2023.0, 2024.0, 2025.0)]
    [True, True, False]
    """
    whole, found = _beginning(limit), []
    for digits in range(1, _DIGITS + 1):
        own = whole >> 4 * (_DIGITS - digits)
        first = own & ~15
        near = range(own + 1, first + 16) if side == "gte" else range(first, own)
        found += [_place(word, digits, number) for number in near]
    return [*found, _place(word, _DIGITS, whole)]


def impact_tokens(weights: Mapping[str, float]) -> list[str]:
    """A token for each word of a chunk and how much it may add."""
    return [impact_token(word, level_of(weight)) for word, weight in weights.items()]


def impact_token(word: str, level: int) -> str:
    """The token of a word that adds `level` of `LEVELS` parts of its weight, or up to one part more."""
    return token(f"{level} {word}")


def level_of(weight: float) -> int:
    """The level of a weight in [0, 1)."""
    return min(LEVELS - 1, int(weight * LEVELS))


def without_denials(condition: Condition) -> Condition:
    """A condition that holds wherever this one does, and denies nothing but numbers; nor is it too long.

    How servers deny a text among several is seldom documented, and hits are judged afterwards anyway. What is
    said of numbers stays as it is.

    >>> without_denials(NoneOf(Among("k", ("a",))))
    True
    """
    match condition:
        case AllOf(parts):
            return all_of(map(without_denials, parts))
        case AnyOf(parts):
            return any_of(map(without_denials, parts))
        case NoneOf(part):
            return _denied(part)
        case Among("k", values) if len(values) > _MOST_FACTS:
            return True
    return condition


def _denied(condition: Condition) -> Condition:
    match condition:
        case bool():
            return not condition
        case AllOf(parts):
            return any_of(map(_denied, parts))
        case AnyOf(parts):
            return all_of(map(_denied, parts))
        case NoneOf(part):
            return without_denials(part)
        case Among(key, _) if key in NUMBERS:
            return NoneOf(condition)
        case Within(key, gt, gte, lt, lte):
            sides = {"lte": gt, "lt": gte, "gte": lt, "gt": lte}
            return any_of(Within(key, **{side: limit}) for side, limit in sides.items() if limit is not None)
    return True


def tenant_of(condition: Condition) -> str | None:
    """The one tenant whose chunks a condition means; None where it names none."""
    for part in condition.parts if isinstance(condition, AllOf) else (condition,):
        match part:
            case Among("tenant", (str() as tenant,)):
                return tenant
    return None


def tokens_of(values: Sequence[str | int]) -> list[str]:
    """A token for each text."""
    return [token(str(value)) for value in values]


def _place(word: str, digits: int, number: int) -> str:
    return token(f"{word} {digits}:{number:x}")


def _beginning(number: float) -> int:
    """The first bits of a number, so that these stand in the order of the numbers."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", number + 0.0))
    ordered = ~bits if bits >> 63 else bits | 1 << 63
    return int((ordered & (1 << 64) - 1) >> 64 - _BITS)
