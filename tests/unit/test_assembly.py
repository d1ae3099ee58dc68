"""Components made of their settings."""

from __future__ import annotations

import pytest
from pydantic import Field

from ragkit import registry
from ragkit.assembly import make
from ragkit.config.spec import ComponentSpec
from ragkit.settings import Settings


class Shelf:
    class Config(Settings):
        n_boards: int = Field(3, alias="boards")
        colour: str = "red"

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("store/shelf", settings)


def test_settings_written_under_another_name_are_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {"store/shelf": Shelf})
    settings = Shelf.Config.checked("store/shelf", {"boards": 7})
    assert make(ComponentSpec("store/shelf", settings=settings)).config == settings
