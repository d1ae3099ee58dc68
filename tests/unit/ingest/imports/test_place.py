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


def test_without_a_root_files_that_ingestion_would_add_again_are_told_of(docs: Path) -> None:
    places = Places(None)
    for source in (
        f"{docs}/руководство/a.md",
        "docs/руководство/a.md",
        "docs/gone.md",
        "https://a.b/c",
        "x\0",
        "x" * 9_999,
    ):
        places.of(source)
    (note,) = places.notes()
    assert note.startswith("2 sources are files")
    assert "--root" in note
    assert Places(None).notes() == []


def test_a_root_that_is_no_folder_is_refused(docs: Path) -> None:
    with pytest.raises(ConfigError, match=r"--root nowhere: expected a folder"):
        Places("nowhere")


def test_a_name_that_is_too_long_for_a_file_is_one_of_a_file_that_is_gone(docs: Path) -> None:
    places = Places(docs)
    name = "я" * 500
    assert places.of(name).id == name
    assert places.n_gone == 1
