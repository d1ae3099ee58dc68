"""Components made of their settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from ragkit import registry
from ragkit.assembly import Assembly, make, named
from ragkit.config.load import load_config
from ragkit.config.spec import ComponentSpec
from ragkit.errors import ConfigError, StoreError
from ragkit.graph.sync import run_sync
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


def written(tmp_path: Path, models: str) -> Path:
    path = tmp_path / "rag.yaml"
    path.write_text(
        "ragkit: 1\n"
        f"models:\n  embed: {{use: embed/bundled}}\n{models}"
        "stores:\n  local: {use: store/local, path: ./index}\n"
        "collection: {store: local, embed: embed}\n"
        "query:\n  sparse: {use: retrieve/bm25}\n  fuse: {use: fuse/rrf}\n"
        "  generate: {use: generate/extractive}\n"
    )
    return path


OPENAI = (
    '  real: {use: llm/openai, base_url: "${LLM_URL}", model: m, api_key: "${KEY}", '
    "price: {input: 1.0, output: 2}}\n"
)


def test_a_chat_model_is_made_with_the_models_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_URL", "http://localhost:1/v1")
    monkeypatch.setenv("KEY", "sk-hidden")
    tape = "  tape: {use: llm/replay, folder: tapes, mode: record, model: real}\n"
    config = load_config(written(tmp_path, OPENAI + tape))
    assembly = Assembly(config, create=True)
    model = assembly.chat_model("tape")
    assert (model.name, model.fingerprint) == ("m", "replay|tapes|m")
    assert assembly.chat_model("tape") is model
    assert "sk-hidden" not in str(config.describe())


def test_another_kind_of_model_is_refused(tmp_path: Path) -> None:
    assembly = Assembly(load_config(written(tmp_path, "")), create=True)
    with pytest.raises(ConfigError, match="a chat model"):
        assembly.chat_model("embed")


def test_models_that_name_each_other_are_refused(tmp_path: Path) -> None:
    models = (
        "  a: {use: llm/replay, folder: x, mode: record, model: b}\n"
        "  b: {use: llm/replay, folder: y, mode: record, model: a}\n"
    )
    assembly = Assembly(load_config(written(tmp_path, models)), create=True)
    with pytest.raises(ConfigError, match="a → b → a"):
        assembly.chat_model("a")


def test_a_reference_to_a_model_of_another_kind_is_told_with_its_line(tmp_path: Path) -> None:
    tape = "  tape: {use: llm/replay, folder: x, mode: record, model: embed}\n"
    with pytest.raises(ConfigError, match=r"rag\.yaml:4: .*expected a chat model"):
        load_config(written(tmp_path, tape))


class Closing:
    """A model with connections."""

    def __init__(self) -> None:
        self.is_closed = False

    async def aclose(self) -> None:
        self.is_closed = True


def test_closing_closes_the_connections_of_models(tmp_path: Path) -> None:
    assembly, model = Assembly(load_config(written(tmp_path, "")), create=True), Closing()
    assembly._models["chat"] = model
    assembly.close()
    assert model.is_closed


def test_closing_inside_of_a_blocking_call_does_no_harm(tmp_path: Path) -> None:
    assembly = Assembly(load_config(written(tmp_path, "")), create=True)
    assembly._models["chat"] = Closing()

    async def close() -> None:
        assembly.close()

    run_sync(close())
    with pytest.raises(StoreError, match="closed"):
        _ = assembly.collection


def test_a_name_that_is_none_is_told_what_there_is(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, ""))
    with pytest.raises(
        ConfigError, match=r"^stores: nothing is named 'locl'; it has: local\. Did you mean 'local'\?$"
    ):
        named(config.stores, "locl", "stores")
    with pytest.raises(ConfigError, match=r"^models: nothing is named 'chat'; it has: embed\.$"):
        named(config.models, "chat", "models")
