"""What is shipped, against the components that are shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit import registry
from ragkit.config.component import settings_class
from ragkit.config.defaults import default_text
from ragkit.config.load import load_config

EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "configs").glob("*.yaml"))
NAMES = sorted(registry.BUILT_IN)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_default_loads(language: str) -> None:
    assert load_config(default_text(language), env={}).graph.output == "verify"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_loads(path: Path) -> None:
    assert load_config(path, env={}).path == path


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_of_a_component_has_a_description(name: str) -> None:
    config = settings_class(registry.blueprint(name))
    silent = [key for key, info in config.model_fields.items() if not info.description]
    assert silent == []


@pytest.mark.parametrize("name", NAMES)
def test_a_component_has_a_summary_and_a_docstring(name: str) -> None:
    assert registry.describe(name).summary
    assert registry.blueprint(name).__doc__
