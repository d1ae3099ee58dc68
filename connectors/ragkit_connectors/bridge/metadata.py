"""Metadata of another library ↔ ours: what fits stays as it is, the rest travels as JSON, nothing is lost.

Ours are text, numbers, booleans and flat lists of them. Moments, paths and the like become text, numbers of
numpy plain ones. A mapping or a nested list becomes the text `json:{…}`, and comes back as what it was. What
JSON cannot hold stays, and ingestion quarantines its document with the reason.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from ragkit.types import Metadata

JSON = "json:"
OWN = "own"
_WIDEST = 2**63


def to_ours(metadata: Mapping[Any, Any]) -> dict[str, Any]:
    """Metadata that a document of ours can have.

    >>> to_ours({"page": 3, "loc": {"from": 1}, "when": date(2025, 1, 31)})
    {'page': 3, 'loc': 'json:{"from": 1}', 'when': '2025-01-31'}
    """
    return {str(key): _value(value) for key, value in metadata.items()}


def to_theirs(metadata: Metadata) -> dict[str, Any]:
    """The metadata that `to_ours` was given, but for what became text and lists.

    >>> to_theirs({"page": 3, "loc": 'json:{"from": 1}'})
    {'page': 3, 'loc': {'from': 1}}
    """
    return {key: _back(value) for key, value in metadata.items()}


def joined(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Both in one mapping. What of theirs has the name of something of ours stands under `own` as well.

    >>> joined({"page": "iv", "author": "Ann"}, {"page": 3})
    {'page': 3, 'author': 'Ann', 'own': {'page': 'iv'}}
    """
    together, own = dict(theirs), {}
    if OWN in together:
        own[OWN] = together.pop(OWN)
    for key, value in ours.items():
        if key in theirs:
            own[key] = theirs[key]
        if value is not None:
            together[key] = value
    return {**together, OWN: own} if own else together


def parted(metadata: Mapping[str, Any], ours: frozenset[str]) -> dict[str, Any]:
    """What of metadata that `joined` made is theirs.

    >>> parted({"author": "Ann", "page": 3, "own": {"page": "iv"}}, frozenset({"page"}))
    {'author': 'Ann', 'page': 'iv'}
    """
    own = metadata.get(OWN)
    shown = {k: v for k, v in metadata.items() if k not in ours and k != OWN}
    return {**shown, **own} if isinstance(own, Mapping) else shown


def _value(value: Any) -> Any:
    value = _plain(value)
    if isinstance(value, set | frozenset):
        value = sorted(value, key=repr)
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, list) and all(_is_scalar(_plain(part)) for part in value):
        return [_plain(part) for part in value]
    if value is None or (_is_scalar(value) and not (isinstance(value, str) and value.startswith(JSON))):
        return value
    try:
        return JSON + json.dumps(value, ensure_ascii=False, allow_nan=False, default=_for_json)
    except (TypeError, ValueError, RecursionError):
        return value


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        value = value.value
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | PurePath | Decimal) else value


def _for_json(value: Any) -> Any:
    plain = _plain(value)
    if plain is value:
        if isinstance(value, set | frozenset):
            return sorted(value, key=repr)
        raise TypeError(f"{type(value).__name__} is nothing that JSON can hold")
    return plain


def _is_scalar(value: Any) -> bool:
    if isinstance(value, bool | str):
        return True
    if isinstance(value, int):
        return -_WIDEST <= value < _WIDEST
    return isinstance(value, float) and math.isfinite(value)


def _back(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(JSON):
        try:
            return json.loads(value[len(JSON) :])
        except ValueError:
            return value
    return list(value) if isinstance(value, tuple) else value
