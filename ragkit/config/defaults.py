"""The embedded default: what `ragkit init` writes, and what runs where there is no `rag.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from ragkit.config.load import load_config
from ragkit.config.spec import Config
from ragkit.errors import ConfigError

_FILES = {"en": "default.yaml", "ru": "default.ru.yaml"}


def default_text(language: str = "en") -> str:
    """The default `rag.yaml`, with its comments in `language` (`en` or `ru`); what it says is the same.

    >>> default_text().splitlines()[2]
    'ragkit: 1 # version of this format'

    Raises:
        ConfigError: there is no text in that language.
    """
    name = _FILES.get(language)
    if name is None:
        raise ConfigError(
            f"no default configuration in {language!r}; expected one of: {', '.join(sorted(_FILES))}"
        )
    return files("ragkit.config").joinpath(name).read_text(encoding="utf-8")


def default_config(
    index: str | Path = "index",
    *,
    set: Mapping[str, Any] | None = None,  # noqa: A002  (the public word for it)
    env: Mapping[str, str] | None = None,
) -> Config:
    """The default configuration over the index folder `index`, relative to the current folder.

    Args:
        index: the folder of the embedded store.
        set: values to lay over it, by dotted key, as for `load_config`.
        env: the variables that it may read; none when left out, so that it is the same everywhere.

    Raises:
        ConfigError: an override is wrong.
    """
    return load_config(default_text(), set={"stores.local.path": Path(index), **(set or {})}, env=env or {})
