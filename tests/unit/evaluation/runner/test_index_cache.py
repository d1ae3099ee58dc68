"""What an index depends on is in its key: another one is made where it would hold something else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from ragkit.errors import ModelUnavailableError
from ragkit.evaluation.dataset import load_dataset
from ragkit.evaluation.runner import index_cache
from ragkit.evaluation.runner.run import run_pipeline
from ragkit.models.embedder import OnnxEmbedder
from ragkit.models.loaded import LoadedModel
from ragkit.protocols import Vectors
from ragkit.text import analyze
from tests.unit.evaluation.runner.small import pipeline, small_dataset


@pytest.mark.parametrize(
    ("module", "name"), [(index_cache, "PARSER_VERSION"), (analyze, "VERSION")], ids=["parser", "analyzer"]
)
def test_another_version_of_what_reads_texts_makes_another_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, name: str
) -> None:
    data = small_dataset(tmp_path / "data")
    before = index_cache.indexed(pipeline(), data, tmp_path / "cache")
    assert index_cache.indexed(pipeline(), data, tmp_path / "cache").reused
    monkeypatch.setattr(module, name, "another")
    after = index_cache.indexed(pipeline(), data, tmp_path / "cache")
    assert (after.reused, after.key == before.key) == (False, False)


def test_a_filter_by_a_declared_field_finds_the_documents_that_state_it(tmp_path: Path) -> None:
    small_dataset(tmp_path / "data")
    path = tmp_path / "data" / "corpus.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    stated = [{**row, "metadata": {"kinds": row["_id"][0], "other": {"x": 1}}} for row in rows]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in stated))
    asked = pipeline(answers=False, collection__fields={"kinds": ["keyword"]})
    made = run_pipeline(
        replace(asked, filter={"kinds": "w"}),
        load_dataset(tmp_path / "data"),
        folder=tmp_path / "run",
        cache=tmp_path / "cache",
        timing_n=0,
    )
    assert not made.problems
    assert {outcome.ranked for outcome in made.outcomes.values()} == {("warranty",)}


def test_what_could_not_be_embedded_is_tried_again_and_its_index_is_no_other_run_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed = OnnxEmbedder.embed_by

    def failing(
        self: OnnxEmbedder, model: LoadedModel, texts: Sequence[str], outputs: Sequence[str]
    ) -> tuple[Vectors, list[list[NDArray[Any]]]]:
        if any("Bergen" in text for text in texts):
            raise ModelUnavailableError("down for a moment")
        return embed(self, model, texts, outputs)

    data = small_dataset(tmp_path / "data")
    monkeypatch.setattr(OnnxEmbedder, "embed_by", failing)
    lacking = index_cache.indexed(pipeline(), data, tmp_path / "cache")
    assert (list(lacking.problems), lacking.documents) == (["office"], 7)
    monkeypatch.undo()
    whole = index_cache.indexed(pipeline(), data, tmp_path / "cache")
    assert (whole.problems, whole.documents, whole.key == lacking.key) == ({}, 8, False)
    assert index_cache.indexed(pipeline(), data, tmp_path / "cache").reused
