from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ragkit import registry
from ragkit.config.defaults import default_text
from ragkit.config.schema import json_schema
from ragkit.errors import ConfigError

pytestmark = pytest.mark.usefixtures("toys")
EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "configs").glob("*.yaml"))


def validator() -> Any:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def broken(old: str, new: str) -> list[str]:
    text = default_text()
    assert old in text
    found = validator().iter_errors(yaml.safe_load(text.replace(old, new, 1)))
    return [error.message for error in found]


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_default_is_valid(language: str) -> None:
    validator().validate(yaml.safe_load(default_text(language)))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid(path: Path) -> None:
    validator().validate(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ragkit: 1", "ragkit: 2", "1 was expected"),
        ("stores:", "store:", "'stores' is a required property"),
        ("stores:", "store:", "'store' was unexpected"),
        ("store/local", "store/lokal", "store/lokal"),
        ("embed/bundled", "store/local", "store/local"),
        ("path: ./index", "pth: ./index", "'pth' was unexpected"),
        ("k: 50", "k: 0", "not valid under any"),
        ("k: 50", "k: fifty", "not valid under any"),
        ("k: 50", "k: true", "not valid under any"),
        ("k: 10}", "k: [10]}", "not valid under any"),
        ("{use: generate/extractive}", "generate/nothing", "generate/nothing"),
        ("dense, in: condense", "dense, in: {a: b}", "not valid under any"),
        ("dense, in: condense", "dense, inn: question", "'inn' was unexpected"),
        ("on_unsupported: drop", "on_unsupported: dropp", "not valid under any"),
        ("embed: embed\n", "embed: [embed]\n", "not of type 'string'"),
        ("language: auto", "language: xx", "not valid under any"),
        ("language: auto", "k1: -1", "not valid under any"),
        ("ingest:\n", "ingest:\n  parse: x\n", "'parse' was unexpected"),
        ("  embed: {use: embed/bundled}", "  em bed: {use: embed/bundled}", "does not match"),
        ("  embed: {use: embed/bundled}", "  embed: {}", "'use' is a required property"),
        ("  # fields:", "  fields: {a: keyw} #", "not valid under any"),
    ],
)
def test_a_mistake_is_invalid(old: str, new: str, message: str) -> None:
    found = broken(old, new)
    assert [text for text in found if message in text], found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("k: 50", 'k: "${K}"'),
        ("k: 50", 'k: "${K:-50}"'),
        ("on_unsupported: drop", 'on_unsupported: "${POLICY}"'),
        ("language: auto", "language: ru, k1: 0.9"),
        ("  # fields:", "  fields:"),
        ("{use: generate/extractive}", "generate/extractive"),
        ("use: generate/extractive", 'use: "${GENERATE}", any: 1'),
        ("in: [dense, sparse]", "in: dense, when: history, timeout_s: 1.5, retries: 2, on_error: skip"),
        ("  embed: {use", "  вектор: {use: embed/remote, url: x, api_key: y}\n  embed: {use"),
    ],
)
def test_what_may_be_written_is_valid(old: str, new: str) -> None:
    assert broken(old, new) == []


@pytest.mark.usefixtures("broken_store")
def test_a_component_that_cannot_be_imported_is_named() -> None:
    with pytest.raises(ConfigError, match="'store/broken': toy_no_such_module:Broken cannot be imported"):
        json_schema()


def test_a_required_setting_is_required() -> None:
    assert "'model' is a required property" in broken("fuse: {use: fuse/weighted", "fuse: {use: rerank/model")


def test_a_component_without_its_package_is_described() -> None:
    far = json_schema()["$defs"]["store.far"]
    assert far["description"] == "A store far away. Needs ragkit[far]."
    assert far["required"] == ["use", "url"]


def test_descriptions_and_defaults_reach_the_editor() -> None:
    dense = json_schema()["$defs"]["retrieve.dense"]
    assert dense["description"] == "Nearest passages by meaning."
    assert dense["properties"]["k"]["default"] == 50
    assert dense["properties"]["k"]["description"] == "Chunks to return."
    assert dense["properties"]["timeout_s"]["description"]


def test_a_reference_is_a_name() -> None:
    assert json_schema()["$defs"]["rerank.model"]["properties"]["model"] == {
        "type": "string",
        "description": "Name of a reranker.",
    }


def test_every_component_is_described() -> None:
    described = set(json_schema()["$defs"])
    assert {name.replace("/", ".") for name in registry.names()} <= described


def test_the_schema_is_json() -> None:
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
