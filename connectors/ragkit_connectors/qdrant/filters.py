"""Conditions in the words of Qdrant: the client's classes, or the engine's, which have the same names.

No empty list is ever sent: for Qdrant `must: []` and `should: []` hold for everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ragkit.store.remote.conditions import AllOf, Among, AnyOf, Beyond, Condition, NoneOf, Within

if TYPE_CHECKING:
    from qdrant_client import models

_REMEMBERED = 256  # conditions of questions, which come again


@dataclass(frozen=True)
class Words:
    """The classes that conditions are said with: a module that has them, and how it makes some."""

    module: Any
    range_name: str

    def said(self, condition: Condition) -> Any:
        """A condition as a search takes it; None where everything is meant. False must not come here."""
        if condition is True:
            return None
        assert condition is not False
        said = self._part(condition)
        return said if isinstance(said, self.module.Filter) else self.module.Filter(must=[said])

    def _part(self, condition: Condition) -> Any:
        say = self.module
        match condition:
            case AllOf(parts):
                return say.Filter(must=[self._part(part) for part in parts])
            case AnyOf(parts):
                return say.Filter(should=[self._part(part) for part in parts])
            case NoneOf(part):
                return say.Filter(must_not=[self._part(part)])
            case Among(key, (value,)):
                return say.FieldCondition(key=key, match=self._value(value))
            case Among(key, values):
                return say.FieldCondition(key=key, match=say.MatchAny(any=list(values)))
            case Within(key, gt, gte, lt, lte):
                return say.FieldCondition(key=key, range=self._range(gt=gt, gte=gte, lt=lt, lte=lte))
            case Beyond(word, side, limit):
                named = say.FieldCondition(key="n", match=self._value(word))
                lies = say.FieldCondition(key="v", range=self._range(**{side: limit}))
                return self._nested("r", say.Filter(must=[named, lies]))
        raise AssertionError(f"{condition!r} is no condition")

    def _value(self, value: str | int) -> Any:
        return self.module.MatchValue(value=value)

    def _range(self, **limits: float | None) -> Any:
        return getattr(self.module, self.range_name)(**limits)

    def _nested(self, key: str, inner: Any) -> Any:
        nested = getattr(self.module, "Nested", None)
        if nested is None:
            return self.module.NestedCondition(key, inner)
        return self.module.NestedCondition(nested=nested(key=key, filter=inner))


def of_client() -> Words:
    """The words of `qdrant_client`."""
    from qdrant_client import models

    return Words(models, "Range")


def of_engine() -> Words:
    """The words of `qdrant_edge`."""
    import qdrant_edge

    return Words(qdrant_edge, "RangeFloat")


def as_filter(condition: Condition) -> models.Filter | None:
    """A condition as the client takes it; see `Words.said`.

    >>> as_filter(True) is None
    True
    """
    said: models.Filter | None = of_client().said(condition)
    return said


@lru_cache(maxsize=_REMEMBERED)
def remembered(words: Words, condition: Condition) -> Any:
    """What `Words.said` gives, made once for what is asked often."""
    return words.said(condition)
