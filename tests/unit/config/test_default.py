from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from ragkit.config.defaults import default_config, default_text
from ragkit.config.load import load_config
from ragkit.errors import ConfigError

EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "configs").glob("*.yaml"))

pytestmark = pytest.mark.usefixtures("toys")


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_text_that_init_writes_loads(language: str) -> None:
    config = load_config(default_text(language), env={})
    assert config.collection.store == "local"
    assert [node.name for node in config.graph.nodes][-1] == config.graph.output
    inputs = {node.name: node.inputs for node in config.graph.nodes}
    assert inputs["fuse"] == ("dense", "sparse")


def test_both_languages_say_the_same() -> None:
    english, russian = (yaml.safe_load(default_text(language)) for language in ("en", "ru"))
    assert english == russian
    assert "Система" in default_text("ru")


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ConfigError, match="'fr'; expected one of: en, ru"):
        default_text("fr")


@pytest.mark.parametrize("folder", ["my index", "no", "${HOME}", "a#b", "null"])
def test_the_index_folder_is_taken_as_it_is(folder: str) -> None:
    config = default_config(folder)
    assert config.stores["local"].settings.path == Path(folder)  # type: ignore[attr-defined]


def test_the_default_takes_overrides() -> None:
    config = default_config("index", set={"query.dense.k": 7})
    assert config.stages["dense"].settings.k == 7  # type: ignore[attr-defined]


def test_the_default_ignores_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGKIT_STORE", "elsewhere")
    assert default_config("index").collection.store == "local"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_loads(path: Path) -> None:
    config = load_config(path, env={})
    assert config.path == path
    assert config.describe()["ragkit"] == 1


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_description_loads_and_describes_itself(path: Path) -> None:
    described = load_config(path, env={}).describe()
    again: dict[str, Any] = load_config(yaml.safe_dump(described), env={}).describe()
    assert again == described


def test_the_default_loads_in_50_ms() -> None:
    default_config("index")  # imports the components that it names
    gc.collect()
    times = []
    for _ in range(5):
        start = time.process_time()
        default_config("index")
        times.append(time.process_time() - start)
    assert min(times) < 0.05
