from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ragkit.config.load import load_config
from ragkit.config.spec import Config
from ragkit.protocols import FieldSpec, FieldType

pytestmark = pytest.mark.usefixtures("toys")

TEXT = """\
ragkit: 1
models: {{embed: {model}}}
stores: {{local: {{use: store/local, path: data}}, other: store/local}}
collection: {{store: ${{STORE:-local}}, embed: embed{collection}}}
query:
  plan: query/route
  dense: {dense}
  fuse: fuse/rrf
  generate: {generate}
"""


def config(
    model: str = "embed/bundled",
    dense: str = "retrieve/dense",
    generate: str = "generate/extractive",
    collection: str = "",
    **options: Any,
) -> Config:
    options.setdefault("env", {})
    text = TEXT.format(model=model, dense=dense, generate=generate, collection=collection)
    return load_config(text.replace("store: ${STORE:-local}", 'store: "${STORE:-local}"'), **options)


def remote(settings: str, **options: Any) -> Any:
    return config(model=f"{{use: embed/remote, url: u, {settings}}}", **options).models["embed"].settings


def test_a_bare_name_stands_for_use() -> None:
    assert config().models["embed"].use == "embed/bundled"
    assert config().stages["fuse"].use == "fuse/rrf"


def test_a_node_reads_the_one_above_and_the_first_one_the_question() -> None:
    assert [node.inputs for node in config().graph.nodes] == [("question",), ("plan",), ("dense",), ("fuse",)]


def test_one_input_needs_no_brackets() -> None:
    loaded = config(dense="{use: retrieve/dense, in: plan}")
    assert loaded.graph.nodes[1].inputs == ("plan",)


def test_keys_of_the_node_are_kept_from_those_of_its_stage() -> None:
    loaded = config(
        dense="{use: retrieve/dense, k: 7, when: history, timeout_s: 1.5, retries: 2, on_error: skip}",
        set={"query.sparse": {"use": "retrieve/bm25", "in": "plan"}, "query.fuse.in": ["dense", "sparse"]}
        | {"query.done": {"use": "verify/citations", "in": "generate"}},
    )
    node = loaded.graph.nodes[1]
    assert (node.when, node.timeout_s, node.retries, node.on_error) == ("history", 1.5, 2, "skip")
    assert node.stage.config.k == 7  # type: ignore[attr-defined]
    assert node.line == 7


def test_the_last_node_gives_the_result() -> None:
    assert config().graph.output == "generate"


def test_ingestion_has_a_default() -> None:
    assert config().ingest.chunk.use == "chunk/recursive"


def test_fields_are_parsed() -> None:
    fields = config(collection=", fields: {tenant: keyword!, on: boolean, tags: [text]}").collection.fields
    assert fields["tenant"] == FieldSpec("tenant", FieldType.KEYWORD, required=True)
    assert fields["on"].type is FieldType.BOOLEAN
    assert fields["tags"] == FieldSpec("tags", FieldType.TEXT, many=True)


@pytest.mark.parametrize(
    "word", ["no", "on", "yes", "off", "08", "1e3", "1.10", "2024-01-01", "0x1F", "1_000", "true"]
)
def test_where_text_is_expected_a_bare_word_is_that_text(word: str) -> None:
    settings: Any = (
        config(generate=f"{{use: generate/extractive, language: {word}}}").stages["generate"].settings
    )
    assert settings.language == word


@pytest.mark.parametrize(
    ("word", "flag"), [("true", True), ("no", False), ("Off", False), ("YES", True), ("False", False)]
)
def test_where_a_flag_is_expected_the_words_of_both_yamls_are_flags(word: str, flag: bool) -> None:
    settings: Any = config(set={"stores.local.sync": word}).stores["local"].settings
    assert settings.sync is flag


@pytest.mark.parametrize(("word", "number"), [("1e3", 1000), ("5.0", 5), ("+7", 7), ("0050e-1", None)])
def test_whole_numbers_may_be_written_as_yaml_1_2_does(word: str, number: int | None) -> None:
    if number is None:
        with pytest.raises(Exception, match="expected a whole number, got 0050e-1"):
            config(dense=f"{{use: retrieve/dense, k: {word}}}")
    else:
        stage: Any = config(dense=f"{{use: retrieve/dense, k: {word}}}").stages["dense"].settings
        assert stage.k == number
        assert isinstance(stage.k, int)


@pytest.mark.parametrize("written", ["20", '"${LIMIT}"', '"${NONE:-20}"', "'${EMPTY:-20}'"])
def test_a_variable_is_typed_like_a_bare_word(written: str) -> None:
    assert remote(f"timeout: {written}", env={"LIMIT": "20", "EMPTY": ""}).timeout == 20.0


def test_a_variable_is_not_searched_for_variables() -> None:
    loaded = remote('headers: {a: "${A}", b: "$${A}"}', env={"A": "${B}", "B": "x"})
    assert loaded.headers == {"a": "${B}", "b": "${A}"}


def test_nothing_is_none_where_that_is_allowed() -> None:
    assert remote("batch: null").batch is None
    assert remote("batch: 3").batch == 3


def test_an_anchor_repeats_a_value() -> None:
    loaded = remote("hosts: &h [a, b], headers: {x: &v y, z: *v}")
    assert loaded.headers == {"x": "y", "z": "y"}


def test_a_path_starts_at_the_folder_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "rag.yaml"
    file.write_text(
        TEXT.format(
            model="embed/bundled", dense="retrieve/dense", generate="generate/extractive", collection=""
        ).replace("${STORE:-local}", "local"),
        encoding="utf-8-sig",
    )
    for source in (file, str(file)):
        loaded = load_config(source, env={})
        assert loaded.stores["local"].settings.path == tmp_path / "data"  # type: ignore[attr-defined]
        assert loaded.path == file
        assert loaded.describe()["stores"]["local"]["path"] == "data"  # type: ignore[index, call-overload]


def test_an_override_is_laid_over_the_file() -> None:
    loaded = config(set={"collection.store": "other", "query.dense.k": "3", "query.fuse.k": 5})
    assert loaded.collection.store == "other"
    assert loaded.graph.nodes[1].stage.config.k == 3  # type: ignore[attr-defined]
    assert loaded.stages["fuse"].settings.k == 5  # type: ignore[attr-defined]


def test_an_override_wins_over_a_variable() -> None:
    assert config(env={"STORE": "other"}).collection.store == "other"
    assert config(env={"STORE": "other"}, set={"collection.store": "local"}).collection.store == "local"


def test_an_override_may_add_a_whole_entry() -> None:
    loaded = config(set={"query.verify": {"use": "verify/citations", "on_unsupported": "flag"}})
    assert loaded.graph.output == "verify"
    assert loaded.graph.nodes[-1].inputs == ("generate",)


def test_an_override_of_one_alias_leaves_the_other() -> None:
    text = TEXT.format(
        model="embed/bundled", dense="retrieve/dense", generate="generate/extractive", collection=""
    )
    text = text.replace("${STORE:-local}", "local").replace(
        "{use: store/local, path: data}, other: store/local", "&s {use: store/local, path: data}, other: *s"
    )
    stores = load_config(text, set={"stores.local.path": "elsewhere"}, env={}).stores
    assert [str(store.settings.path) for store in stores.values()] == ["elsewhere", "data"]  # type: ignore[attr-defined]


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE", "other")
    assert config(env=None).collection.store == "other"


def test_a_configuration_is_frozen() -> None:
    loaded = config()
    with pytest.raises(TypeError):
        loaded.models["x"] = loaded.models["embed"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        loaded.path = None  # type: ignore[misc]
