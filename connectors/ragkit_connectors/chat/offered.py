"""Chat models by name, for a file: what the application offers, never the path of a class."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from ragkit.errors import ConfigError, did_you_mean

GROUP = "ragkit.chat_models"


class Offered:
    """The models of one library that a `rag.yaml` may name.

    >>> models = Offered("langchain", lambda model: isinstance(model, str))
    >>> models.offer("team", "a model")
    >>> models.named("team")
    'a model'
    """

    def __init__(self, library: str, fits: Callable[[Any], bool]) -> None:
        self._library, self._fits = library, fits
        self._models: dict[str, Any] = {}

    def offer(self, name: str, model: Any) -> None:
        """Lets files name `model`: an object, or a function that makes one when it is first needed."""
        self._models[name] = model

    def named(self, name: str) -> Any:
        """The model of that name.

        Raises:
            ConfigError: nobody offers it, or it is none of this library.
        """
        model = self._models.get(name)
        if model is None:
            points = {point.name: point for point in entry_points(group=GROUP)}
            if name not in points:
                known = sorted({*self._models, *points})
                raise ConfigError(
                    f"no chat model is offered under the name {name!r}.{did_you_mean(name, known)} Offer it: "
                    f"ragkit_connectors.{self._library}.offer({name!r}, model), or as an entry point of the "
                    f"group {GROUP}. Offered: {', '.join(known) or 'none'}"
                )
            model = points[name].load()
        if not self._fits(model) and callable(model):
            model = model()
        if not self._fits(model):
            raise ConfigError(f"{name!r}: {type(model).__name__} is no chat model of {self._library}")
        self._models[name] = model
        return model
