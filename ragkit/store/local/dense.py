"""Which dense index a store searches with, by its setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragkit import registry
from ragkit.errors import ConfigError
from ragkit.protocols import DenseIndex


def dense_index(index: Any) -> DenseIndex:
    """The index itself, or the one that `{use: index/..., settings}` names.

    Raises:
        ConfigError: it names none, or something else.
    """
    if isinstance(index, DenseIndex):
        return index
    name, settings = named_index(index)
    made: object = registry.load(name)(**settings)
    if not isinstance(made, DenseIndex):
        raise ConfigError(f"index: {name!r} is not a dense index; expected one of index/...")
    return made


def named_index(index: Any) -> tuple[str, dict[str, Any]]:
    """The registered name and the settings of `{use: NAME, ...}`.

    Raises:
        ConfigError: it is of another form.
    """
    name = index.get("use") if isinstance(index, Mapping) else None
    if not isinstance(name, str) or not name.startswith("index/"):
        expected = ", ".join(registry.names("index"))
        raise ConfigError(f"expected {{use: NAME}} with one of: {expected}; got {index!r}")
    return name, {key: value for key, value in index.items() if key != "use"}


def index_name(index: Any) -> str:
    """What people call an index: the registered name, or the class of one that was made in code."""
    return type(index).__name__ if isinstance(index, DenseIndex) else named_index(index)[0]
