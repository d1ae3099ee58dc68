"""Conditions in the words of Pinecone's filters: keys are constant, texts are digests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ragkit.store.remote.conditions import AllOf, Among, AnyOf, Beyond, Condition, NoneOf, Within
from ragkit.store.remote.tokens import NUMBERS, beyond_tokens, tokens_of, without_denials

Filter = dict[str, Any]
COLUMNS = {
    "from": "begun", "to": "ended", "ends_ms": "ends_ms", "commit": "commit", "id": "chunk",
    "doc": "document", "tenant": "owner", "acl": "groups", "terms": "words", "k": "facts", "kind": "kind",
    "key": "key", "uri": "uri", "state": "state", "holder": "holder",
}  # fmt: skip
IMPACTS = "impacts"


def as_filter(condition: Condition) -> Filter | None:
    """A condition as the server takes it, None where everything is meant. False must not come here.

    >>> as_filter(Among("from", (3,)))
    {'begun': {'$eq': 3}}
    """
    wanted = without_denials(condition)
    assert wanted is not False
    return None if wanted is True else _said(wanted)


def holding(condition: Condition, impacts: Sequence[str]) -> Filter:
    """What a condition holds for and holds one of the tokens of words."""
    held = {IMPACTS: {"$in": list(impacts)}}
    said = as_filter(condition)
    return held if said is None else {"$and": [said, held]}


def _said(condition: Condition) -> Filter:
    match condition:
        case AllOf(parts):
            return {"$and": [_said(part) for part in parts]}
        case AnyOf(parts):
            return {"$or": [_said(part) for part in parts]}
        case NoneOf(Among(key, values)):
            return {COLUMNS[key]: {"$nin": list(values)}}
        case Among(key, values) if key in NUMBERS:
            return {COLUMNS[key]: {"$eq": values[0]} if len(values) == 1 else {"$in": list(values)}}
        case Among(key, values):
            return {COLUMNS[key]: {"$in": tokens_of(values)}}
        case Within(key, gt, gte, lt, lte):
            limits = {"$gt": gt, "$gte": gte, "$lt": lt, "$lte": lte}
            said = [{COLUMNS[key]: {side: value}} for side, value in limits.items() if value is not None]
            return said[0] if len(said) == 1 else {"$and": said}
        case Beyond(word, side, limit):
            return {COLUMNS["k"]: {"$in": beyond_tokens(word, side, limit)}}
    raise AssertionError(f"{condition!r} is no condition that can be sent")
