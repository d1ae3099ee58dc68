"""Objects by name, for a file: what the application offers, never the path of a class."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from ragkit.errors import ConfigError, did_you_mean

CHAT_MODELS = "ragkit.chat_models"
OTHERS = "ragkit.offered"


class Offered:
    """The objects of one library that a `rag.yaml` may name: chat models, and others `beside` them.

    >>> models = Offered("langchain", lambda model: isinstance(model, str))
    >>> models.offer("team", "a model")
    >>> models.named("team")
    'a model'
    """

    def __init__(
        self,
        library: str,
        fits: Callable[[Any], bool],
        *,
        label: str | None = None,
        what: str = "chat model",
        group: str = CHAT_MODELS,
        table: dict[str, Any] | None = None,
    ) -> None:
        self._library, self._fits, self._what, self._group = library, fits, what, group
        self._label = library if label is None else label
        self._table: dict[str, Any] = {} if table is None else table

    def beside(self, what: str, fits: Callable[[Any], bool]) -> Offered:
        """Another kind of objects, offered by the same function."""
        return Offered(self._library, fits, label=self._label, what=what, group=OTHERS, table=self._table)

    def offer(self, name: str, model: Any) -> None:
        """Lets files name `model`: an object, or a function that makes one when it is first needed."""
        self._table[name] = model

    def found(self, given: Any) -> Any:
        """What a setting names, or the object itself that was given to it.

        Raises:
            ValueError: neither; a setting's validator may let it pass.
        """
        try:
            found = self.named(given) if isinstance(given, str) else given
        except ConfigError as e:
            raise ValueError(str(e)) from e
        if isinstance(found, type) or not self._fits(found):
            raise ValueError(f"expected {self._article} of {self._label}, got {type(found).__name__}")
        return found

    def named(self, name: str) -> Any:
        """The object of that name.

        Raises:
            ConfigError: nobody offers it, or it is none of this kind.
        """
        model = self._table.get(name)
        if model is None:
            points = {point.name: point for point in entry_points(group=self._group)}
            if name not in points:
                known = sorted({*self._table, *points})
                raise ConfigError(
                    f"no {self._what} is offered under the name {name!r}.{did_you_mean(name, known)} "
                    f"Offer it: ragkit_connectors.{self._library}.offer({name!r}, …), or as an entry point "
                    f"of the group {self._group}. Offered: {', '.join(known) or 'none'}"
                )
            model = points[name].load()
        # A class has the methods of its objects, and is not one of them.
        if isinstance(model, type) or (not self._fits(model) and callable(model)):
            model = model()
        if not self._fits(model):
            raise ConfigError(f"{name!r}: {type(model).__name__} is no {self._what} of {self._label}")
        self._table[name] = model
        return model

    @property
    def _article(self) -> str:
        # "An LLM": the name of its first letter begins with a vowel.
        return f"{'an' if self._what[0] in 'aeiouL' else 'a'} {self._what}"
