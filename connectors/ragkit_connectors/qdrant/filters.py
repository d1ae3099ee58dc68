"""Conditions in the words of the server.

No empty list is ever sent: for the server `must: []` and `should: []` hold for everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragkit.store.remote.conditions import AllOf, Among, AnyOf, Beyond, Condition, NoneOf, Within

if TYPE_CHECKING:
    from qdrant_client import models


def as_filter(condition: Condition) -> models.Filter | None:
    """A condition as a search takes it; None where everything is meant. False must not come here."""
    from qdrant_client import models

    if condition is True:
        return None
    assert condition is not False
    said = _said(condition)
    return said if isinstance(said, models.Filter) else models.Filter(must=[said])


def _said(condition: Condition) -> Any:
    from qdrant_client import models

    match condition:
        case AllOf(parts):
            return models.Filter(must=[_said(part) for part in parts])
        case AnyOf(parts):
            return models.Filter(should=[_said(part) for part in parts])
        case NoneOf(part):
            return models.Filter(must_not=[_said(part)])
        case Among(key, (value,)):
            return models.FieldCondition(key=key, match=models.MatchValue(value=value))
        case Among(key, values):
            return models.FieldCondition(key=key, match=models.MatchAny(any=list(values)))  # type: ignore[arg-type]
        case Within(key, gt, gte, lt, lte):
            return models.FieldCondition(key=key, range=models.Range(gt=gt, gte=gte, lt=lt, lte=lte))
        case Beyond(word, side, limit):
            named = models.FieldCondition(key="n", match=models.MatchValue(value=word))
            lies = models.FieldCondition(key="v", range=models.Range(**{side: limit}))
            inner = models.Filter(must=[named, lies])
            return models.NestedCondition(nested=models.Nested(key="r", filter=inner))
    raise AssertionError(f"{condition!r} is no condition")
