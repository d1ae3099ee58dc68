"""What workers elsewhere are made from: enough of a configuration, and no secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragkit.config.defaults import default_config
from ragkit.config.load import load_config
from ragkit.config.recipe import asking_recipe, making_recipe
from ragkit.config.spec import Config
from ragkit.errors import ConfigError
from ragkit.fields import parse_fields

CONFIG = """
ragkit: 1
models:
  embed: {use: embed/bundled, threads: "${THREADS:-1}"}
  chat: {use: llm/openai, base_url: "http://127.0.0.1:9/v1", model: "${MODEL}", api_key: KEY}
  backup: {use: llm/route, tiers: [chat]}
stores:
  local: {use: store/local, path: ./index}
  pg: {use: store/pgvector, dsn: "host=db password=hush"}
collection: {store: local, embed: embed, fields: {team: keyword}}
ingest: {chunk: {use: chunk/recursive, size: 90}}
query:
  dense: {use: retrieve/dense, k: 5}
  fuse: {use: fuse/rrf, in: dense}
  generate: {use: generate/cited, llm: backup}
  verify: {use: verify/citations}
"""


def written(tmp_path: Path, key: str) -> Path:
    path = tmp_path / "rag.yaml"
    path.write_text(CONFIG.replace("KEY", key))
    return path


def settings_of(config: Config) -> dict[str, object]:
    return {name: spec.settings for name, spec in config.models.items()}


def test_making_takes_no_store_no_query_and_only_the_models_that_are_named(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, "sk-hush"), env={"MODEL": "m"})
    recipe = making_recipe(config, ["embed"], parse_fields({"lang": "keyword!", "tags": ["keyword"]}))
    assert "hush" not in recipe
    back = load_config(recipe, env={})
    assert list(back.models) == ["embed"]
    assert back.ingest.chunk.settings == config.ingest.chunk.settings
    assert {name: spec.declaration for name, spec in back.collection.fields.items()} == {
        "lang": "keyword!",
        "tags": ["keyword"],
    }
    assert json.loads(recipe)["models"]["embed"]["threads"] == "${THREADS:-1}"


def test_asking_takes_the_models_that_models_name_and_the_store_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL", "m")
    monkeypatch.setenv("LLM_KEY", "sk-from-outside")
    config = load_config(written(tmp_path, '"${LLM_KEY}"'))
    recipe = asking_recipe(config)
    assert "sk-from-outside" not in recipe
    assert "hush" not in recipe
    back = load_config(recipe)
    assert list(back.stores) == ["local"]
    assert settings_of(back) == settings_of(config)
    assert back.graph.output == config.graph.output
    assert back.describe()["query"] == config.describe()["query"]


def test_a_secret_that_is_written_out_is_named_and_not_repeated(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, "sk-hush"), env={"MODEL": "m"})
    with pytest.raises(ConfigError, match=r"models\.chat\.api_key: a secret that is written out") as e:
        asking_recipe(config)
    assert "hush" not in str(e.value)


def test_the_default_can_be_handed_on_as_a_whole() -> None:
    config = default_config("index")
    back = load_config(asking_recipe(config))
    assert settings_of(back) == settings_of(config)
    assert back.describe()["query"] == config.describe()["query"]
