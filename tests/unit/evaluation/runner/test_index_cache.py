"""What an index depends on is in its key: another one is made where it would hold something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.evaluation.runner import index_cache
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
