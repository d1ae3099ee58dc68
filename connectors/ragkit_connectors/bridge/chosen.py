"""A setting that takes an object of another library, or in a file the name that one is offered under."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import field_validator

from ragkit.settings import Settings
from ragkit_connectors.bridge.offered import Offered

# What the settings call it, each library and component in its own words.
_WORDS = ("model", "loader", "reader", "splitter", "parser", "source")


class Choosing(Settings):
    """Settings one of which is such an object; it is looked at before anything runs.

    Example:
        class Config(Choosing):
            offered: ClassVar[Offered] = splitters
            splitter: Any
    """

    offered: ClassVar[Offered]
    """What may be named."""

    @field_validator(*_WORDS, check_fields=False)
    @classmethod
    def _is_one(cls, given: Any) -> Any:
        cls.offered.found(given)
        return given

    @property
    def chosen(self) -> Any:
        """The object itself; one that a function makes is made now."""
        word = next(word for word in _WORDS if word in type(self).model_fields)
        return self.offered.found(getattr(self, word))
