"""What a stage's value depends on is in its key, and nothing else is."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from pydantic import Field

from ragkit import registry
from ragkit.assembly import Assembly
from ragkit.config.load import load_config
from ragkit.config.spec import Config
from ragkit.evaluation.runner.code import source_version
from ragkit.evaluation.runner.stage_key import Key, StageKeys, files_of, stage_keys
from ragkit.filters import Eq
from ragkit.graph.stage import RunContext, Stage, stage
from ragkit.protocols import Vectors
from ragkit.settings import Settings
from ragkit.types import QueryPlan, Ranking, Turn

PLAN = QueryPlan.of("How long is the warranty?")
YAML = """
ragkit: 1
models: {embed: {use: embed/bundled}, judge: {use: rerank/toy, folder: FOLDER}}
stores: {local: {use: store/local, path: ./index}}
collection: {store: local, embed: embed}
query:
  sparse: {use: retrieve/bm25, in: question, k: 5}
  fuse: {use: fuse/rrf, in: [sparse]}
  rerank: {use: rerank/model, model: judge, k: 3}
  generate: {use: generate/extractive}
"""


class Toy:
    """A reranker from a folder."""

    use: ClassVar[str] = "rerank/toy"

    class Config(Settings):
        folder: Path = Field(description="Folder of the model.")
        sharp: bool = Field(False, description="Whether it judges sharply.")

    name = "toy"
    languages: frozenset[str] = frozenset()

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked(self.use, settings)

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        return np.zeros(len(texts), np.float32)


@pytest.fixture(autouse=True)
def _toy() -> Iterator[None]:
    registry.register(Toy)
    yield
    registry._registered.pop("rerank/toy")
    registry._registered.pop("rerank/first", None)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("first")
    return tmp_path / "model"


def config(model: Path, **changes: object) -> Config:
    set_ = {key.replace("__", "."): value for key, value in changes.items()}
    return load_config(YAML.replace("FOLDER", str(model)), set=set_)


def keys(config: Config, index: str = "an index") -> StageKeys:
    order = [node.name for node in config.graph.nodes]
    return stage_keys(config.graph, order, config, Assembly(config, create=False), index)


def changed(before: dict[str, Key], after: dict[str, Key]) -> list[str]:
    assert before.keys() == after.keys()
    return [node for node in before if before[node] != after[node]]


def test_equal_configurations_have_equal_keys(model: Path) -> None:
    first = keys(config(model)).of(PLAN)
    assert list(first) == ["sparse", "fuse", "rerank", "generate"]
    assert first == keys(config(model)).of(PLAN)
    assert len(set(first.values())) == 4


@pytest.mark.parametrize(
    ("change", "nodes"),
    [
        ({"query__sparse__k": 6}, ["sparse", "fuse", "rerank", "generate"]),
        ({"query__fuse__k": 6}, ["fuse", "rerank", "generate"]),
        ({"query__rerank__k": 2}, ["rerank", "generate"]),
        ({"query__rerank__when": "history"}, ["rerank", "generate"]),
        ({"models__judge__sharp": True}, ["rerank", "generate"]),
        ({"collection__bm25__b": 0.7}, ["sparse", "fuse", "rerank", "generate"]),
        ({"query__rerank__timeout_s": 5}, []),
        ({"query__rerank__on_error": "skip"}, []),
    ],
)
def test_a_change_is_in_the_keys_from_there_on(
    model: Path, change: dict[str, object], nodes: list[str]
) -> None:
    assert changed(keys(config(model)).of(PLAN), keys(config(model, **change)).of(PLAN)) == nodes


def test_a_model_that_was_trained_again_is_another(model: Path) -> None:
    before = keys(config(model)).of(PLAN)
    (model / "weights").write_text("second one")
    assert changed(before, keys(config(model)).of(PLAN)) == ["rerank", "generate"]


def test_files_that_a_setting_lists_count_by_their_content(tmp_path: Path) -> None:
    class Listed(Settings):
        words: list[Path] = Field(description="Lists of words.")
        by: dict[str, Path] = Field(description="By language.")
        model: str = Field(description="A model on a hub, or a folder.")

    for name in ("a", "b"):
        (tmp_path / name).write_text("first")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("first")
    listed = Listed(words=[tmp_path / "a"], by={"en": tmp_path / "b"}, model=str(tmp_path / "model"))
    before = files_of(listed)
    (tmp_path / "a").touch()
    assert files_of(listed) == before
    for changed in (tmp_path / "a", tmp_path / "b", tmp_path / "model" / "weights"):
        changed.write_text("other")
        assert files_of(listed) != before
        changed.write_text("first")


@stage("rerank/first")
class First(Stage[Ranking, Ranking]):
    """Gives the first hits; how many is no setting."""

    def __init__(self) -> None:
        super().__init__()
        self.n = 5

    def run(self, ranking: Ranking, ctx: RunContext) -> Ranking:
        return replace(ranking, hits=ranking.hits[: self.n])


def test_a_stage_that_was_changed_after_it_was_made_has_no_key(model: Path) -> None:
    registry.register(First)
    text = YAML.replace("{use: rerank/model, model: judge, k: 3}", "rerank/first")
    known = load_config(text.replace("FOLDER", str(model)))
    assert "rerank" in keys(known).of(PLAN)
    (first,) = (node.stage for node in known.graph.nodes if node.name == "rerank")
    assert isinstance(first, First)
    first.n = 1
    assert list(keys(known).of(PLAN)) == ["sparse", "fuse"]


def test_the_name_of_a_node_does_not_count(model: Path) -> None:
    renamed = load_config(YAML.replace("FOLDER", str(model)).replace("sparse", "words"))
    assert list(keys(renamed).of(PLAN).values()) == list(keys(config(model)).of(PLAN).values())


@pytest.mark.parametrize(
    "plan",
    [
        QueryPlan.of("How long is the guarantee?"),
        QueryPlan.of(PLAN.question, tenant="acme"),
        QueryPlan.of(PLAN.question, acl=["staff"]),
        QueryPlan.of(PLAN.question, filter=Eq("lang", "en")),
        QueryPlan.of(PLAN.question, history=[Turn("user", "And the lamp?")]),
    ],
)
def test_all_of_a_plan_is_in_every_key(model: Path, plan: QueryPlan) -> None:
    known = keys(config(model))
    assert changed(known.of(PLAN), known.of(plan)) == ["sparse", "fuse", "rerank", "generate"]


def test_another_index_has_other_keys(model: Path) -> None:
    before, after = (keys(config(model), index).of(PLAN) for index in ("one", "two"))
    assert len(changed(before, after)) == 4


def test_code_that_is_written_while_other_code_runs_does_not_count_until_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "stage_of_ones_own.py"
    path.write_text("class Own:\n    n = 1\n")
    module = importlib.import_module("stage_of_ones_own")
    before = source_version(module.Own)
    path.write_text("class Own:\n    n = 1000\n")
    assert source_version(module.Own) == before
    assert source_version(importlib.reload(module).Own) != before
