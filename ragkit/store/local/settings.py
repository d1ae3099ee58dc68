"""The settings of `store/local`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from ragkit import registry
from ragkit.errors import ConfigError
from ragkit.settings import Settings
from ragkit.store.local.dense import named_index


class LocalSettings(Settings):
    """Settings of `store/local`."""

    path: str | Path = Field("index", description="Folder of the index.")
    index: Any = Field({"use": "index/exact"}, description="The dense index and its settings.")

    @field_validator("index")
    @classmethod
    def _is_an_index(cls, index: Any) -> Any:
        # Checked where it is written, so that a mistake is reported with the line of its file.
        if isinstance(index, str):
            index = {"use": index}
        if isinstance(index, Mapping):
            name, settings = named_index(index)
            try:
                registry.blueprint(name).Config.checked(name, settings)
            except ConfigError as e:
                raise ValueError(str(e)) from e
        return index
