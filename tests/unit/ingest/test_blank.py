"""A document that loses its text is not served on without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

import ragkit
from ragkit.ingest.chunk.recursive import RecursiveChunker
from ragkit.ingest.pipeline import Ingestor
from ragkit.types import Document, Span
from tests.unit.ingest.test_pipeline import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file is empty"),
        (" \n\t\n", "the file is empty"),
        ("<!-- gone -->", "no text a reader would see"),
        ("\u200b", "no text a reader would see"),
    ],
)
def test_a_file_that_became_blank_is_quarantined_once(bench: Bench, text: str, reason: str) -> None:
    bench.write(a="Some text.", b="Other text.")
    bench.ingest()
    bench.write(a=text)
    report = bench.ingest()
    assert (report.seen, report.unchanged, report.quarantined, report.rejected) == (2, 1, 1, 0)
    state = bench.collection.state("a.md")
    assert state is not None
    assert (state.state, state.stage, state.n_chunks) == ("quarantined", "parse", 1)
    assert state.reason == report.documents[0].reason
    assert reason in (state.reason or "")
    assert "stays and is answered from" in (state.reason or "")
    assert bench.texts()["a.md"].strip() == "Some text."
    commits = bench.store.commits
    again = bench.ingest()
    assert (again.documents, bench.store.commits) == (report.documents, commits)


def test_a_document_that_became_blank_comes_back_with_its_text(bench: Bench) -> None:
    for text, counts in (("one", (1, 0)), (" ", (0, 1)), ("", (0, 1)), ("one", (1, 0)), ("two", (1, 0))):
        report = bench.ingest([Document("a", text)])
        assert (report.committed, report.quarantined) == counts
    assert bench.texts() == {"a": "two"}
    assert [state.state for state in bench.collection.states()] == ["committed"]


def test_a_document_that_gives_no_chunks_any_more_is_quarantined_too(bench: Bench) -> None:
    class Nothing(RecursiveChunker):
        fingerprint = "nothing"

        def measured_by(self, embedder: object) -> Nothing:
            return self

        def split(self, document: Document) -> list[Span]:
            return []

    bench.ingest([Document("a", "one")])
    report = Ingestor(bench.collection, Nothing()).run([Document("a", "two"), Document("b", "new")])
    assert (report.quarantined, report.rejected) == (1, 1)
    assert bench.texts() == {"a": "one"}


def test_one_that_was_always_blank_is_rejected_and_not_remembered(bench: Bench) -> None:
    for _ in range(2):
        report = bench.ingest([Document("a", " "), Document("b", "two")])
        assert report.rejected == 1
    assert [state.document_id for state in bench.collection.states()] == ["b"]


def test_a_blank_second_document_of_an_id_says_nothing_of_the_first(bench: Bench) -> None:
    for _ in range(2):
        report = bench.ingest([Document("a", "one"), Document("a", "")])
        assert report.rejected == 1
    assert [state.state for state in bench.collection.states()] == ["committed"]


def test_a_blank_first_document_of_an_id_settles(bench: Bench) -> None:
    commits = []
    for _ in range(3):
        bench.ingest([Document("a", ""), Document("a", "one")])
        commits.append(bench.store.commits)
    assert bench.texts() == {"a": "one"}
    assert commits[-1] == commits[-2]


def test_a_blank_file_that_is_deleted_then_is_gone(bench: Bench) -> None:
    bench.write(a="Some text.", b="Other text.")
    bench.ingest()
    bench.write(a="")
    bench.ingest()
    (bench.folder / "a.md").unlink()
    assert bench.ingest().deleted == 1
    assert set(bench.texts()) == {"b.md"}


def test_the_status_names_what_became_blank(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text("The warranty lasts two years.")
    with ragkit.open(tmp_path / "index") as rag:
        rag.ingest(page.parent, progress=False)
        page.write_text("")
        assert rag.ingest(page.parent, progress=False).quarantined == 1
        (state,) = rag.status().quarantined
        assert (state.document_id, state.n_chunks) == ("page.md", 1)
        assert rag.status().chunks == 1
        assert rag.forget("page.md").documents == ("page.md",)
        assert rag.ingest(page.parent, progress=False).rejected == 1
