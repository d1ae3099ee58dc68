"""Imported documents are called as ingestion calls their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.errors import ConfigError
from ragkit.ingest.imports.place import Places
from ragkit.ingest.load.discover import discover


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs" / "руководство").mkdir(parents=True)
    (tmp_path / "docs" / "руководство" / "a.md").write_text("A.", encoding="utf-8")
    return tmp_path / "docs"


@pytest.mark.parametrize("source", ["{root}/руководство/a.md", "docs/руководство/a.md", "руководство/a.md"])
def test_a_file_is_called_as_discovery_calls_it(docs: Path, source: str) -> None:
    (file,) = discover(docs)
    place = Places("docs").of(source.format(root=docs))
    assert (place.id, place.uri, place.origin) == (file.id, file.uri, file.origin)


@pytest.mark.parametrize("source", ["https://example.org/docs/a.md", "/elsewhere/a.md", "../a.md"])
def test_what_is_elsewhere_keeps_its_name(docs: Path, source: str) -> None:
    places = Places(docs)
    assert places.of(source).id == source
    assert places.of(source).origin is None
    assert "2 sources are no files below" in places.notes()[0]


def test_files_that_are_gone_are_told_of(docs: Path) -> None:
    places = Places(docs)
    assert places.of("docs/gone.md").id == "gone.md"
    assert "1 files are not below" in places.notes()[0]
    assert "--keep-missing" in places.notes()[0]


def test_without_a_root_a_source_is_a_name() -> None:
    place = Places(None).of("docs/a.md")
    assert (place.id, place.uri, place.origin) == ("docs/a.md", "docs/a.md", None)


def test_a_root_that_is_no_folder_is_refused(docs: Path) -> None:
    with pytest.raises(ConfigError, match=r"--root nowhere: expected a folder"):
        Places("nowhere")
