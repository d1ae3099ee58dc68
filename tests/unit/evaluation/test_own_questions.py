"""A file of questions over a folder of one's own documents."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ragkit
from ragkit.errors import EvalError
from ragkit.evaluation.dataset import Dataset
from ragkit.evaluation.own_questions import load_questions


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs/guide").mkdir(parents=True)
    (tmp_path / "docs/guide/a.md").write_text("# Harbour\n\nIt was **built** in 1902.\n")
    (tmp_path / "docs/b.html").write_text("<p>Cranes lift 40 tonnes.</p>")
    return tmp_path / "docs"


def load(docs: Path, *rows: dict[str, object], qrels: str | None = None) -> Dataset:
    path = docs.parent / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    if qrels is not None:
        (docs.parent / "qrels").write_text(qrels)
    return load_questions(path, docs, qrels=None if qrels is None else docs.parent / "qrels")


def test_questions_are_judged_by_documents_evidence_or_nothing(docs: Path) -> None:
    data = load(
        docs,
        {"text": "When was it built?", "evidence": [{"document": "guide/a.md", "quote": "built in 1902"}]},
        {"question": "What do cranes lift?", "documents": ["b.html"], "answers": ["40 tonnes"]},
        {"text": "Both?", "documents": {"guide/a.md": 1, "b.html": 2}, "_id": "both"},
        {"text": "Who owns it?", "answerable": False},
    )
    both = {"guide/a.md": 1, "b.html": 2}
    assert data.qrels == {"line-1": {"guide/a.md": 1}, "line-2": {"b.html": 1}, "both": both}
    assert list(data.asked) == ["line-1", "line-2", "both", "line-4"]
    assert (data.name, data.check()) == ("questions", 2)


def test_the_form_of_training_questions_is_read_too(docs: Path) -> None:
    data = load(docs, {"question": "When?", "document_id": "guide/a.md", "quote": "1902", "id": "x"})
    (place,) = data.questions["x"].evidence
    assert place.span.of(data.texts().document("guide/a.md") or "") == "1902"
    assert data.qrels == {"x": {"guide/a.md": 1}}


@pytest.mark.parametrize("qrels", ["line-1\tb.html\t2\n", "line-1 0 b.html 2\n"])
def test_judgements_of_a_file_of_their_own_go_first(docs: Path, qrels: str) -> None:
    data = load(docs, {"text": "What?", "documents": ["guide/a.md"]}, qrels=qrels)
    assert data.qrels == {"line-1": {"b.html": 2}}


def test_documents_are_those_that_ingestion_would_make(docs: Path, tmp_path: Path) -> None:
    data = load(docs, {"text": "What?", "documents": ["b.html"]})
    with ragkit.open(tmp_path / "one") as one, ragkit.open(tmp_path / "two") as two:
        one.ingest(docs, progress=False)
        two.ingest(data.documents(), progress=False)
        for document in data.documents():
            assert one.source(document.id) == two.source(document.id) == document.text
        assert one.status().chunks == two.status().chunks


def test_the_checksum_is_of_the_files(docs: Path) -> None:
    row: dict[str, object] = {"text": "What?", "documents": ["b.html"]}
    before = load(docs, row).checksum()
    assert load(docs, row).checksum() == before
    (docs / "b.html").write_text("<p>Cranes lift 41 tonnes.</p>")
    assert load(docs, row).checksum() != before


def test_a_corpus_file_stands_for_a_folder(docs: Path) -> None:
    corpus = docs.parent / "corpus.jsonl"
    corpus.write_text('{"_id": "d1", "text": "One."}\n')
    (docs.parent / "q.jsonl").write_text('{"text": "Which?", "documents": ["d1"]}\n')
    assert load_questions(docs.parent / "q.jsonl", corpus).check() == 1


@pytest.mark.parametrize(
    ("rows", "qrels", "message"),
    [
        ([{"text": "What?"}], None, r"says of no question which documents answer it\. Add to its lines"),
        ([{"text": "What?", "documents": "b.html"}], None, r"documents: expected a list of document ids"),
        (
            [{"text": "What?", "documents": {"b.html": "high"}}],
            None,
            r"grade 'high': expected a whole number",
        ),
        ([{"text": "What?", "document_id": "b.html", "quote": "x y"}], None, r":1: b\.html: holds no 'x y'"),
        (
            [{"text": "What?"}],
            "q9 0 b.html 1\n",
            r"query 'q9' is judged, and questions\.jsonl does not have it",
        ),
    ],
)
def test_what_is_wrong_is_told(
    docs: Path, rows: list[dict[str, object]], qrels: str | None, message: str
) -> None:
    with pytest.raises(EvalError, match=message):
        load(docs, *rows, qrels=qrels)


def test_a_document_that_is_not_in_the_folder_is_found_by_the_check(docs: Path) -> None:
    data = load(docs, {"text": "What?", "documents": ["c.md", "docs/guide/a.md"]})
    with pytest.raises(EvalError) as caught:
        data.check()
    assert [line.rpartition("which is not in ")[2] for line in str(caught.value).splitlines()] == [
        str(docs),
        f"{docs}. Did you mean 'guide/a.md'?",
    ]


def test_a_file_that_cannot_be_ingested_is_named(docs: Path) -> None:
    (docs / "empty.md").write_text("")
    data = load(docs, {"text": "What?", "documents": ["b.html"]})
    with pytest.raises(EvalError, match=r"docs/empty\.md: cannot be ingested: .*the file is empty"):
        data.check()


def test_a_folder_that_is_not_there_is_named(docs: Path) -> None:
    (docs.parent / "q.jsonl").write_text('{"text": "Which?", "documents": ["d1"]}\n')
    with pytest.raises(EvalError, match=r"nowhere: no such folder of documents"):
        load_questions(docs.parent / "q.jsonl", docs / "nowhere").check()
