"""Question files of both forms, and every mistake in them by file and line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from ragkit.errors import EvalError
from ragkit.train.questions import Place, read_questions


def write(path: Path, *rows: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_one_file_states_question_document_and_place(tmp_path: Path) -> None:
    path = write(
        tmp_path / "q.jsonl",
        {"question": "How long?", "document_id": "a.md", "quote": "two years"},
        {"question": "Who?", "document_id": "b.md", "start": 3, "end": 9, "id": "who"},
        {"question": "Where?", "document_id": "b.md", "answers": ["Brno"]},
    )
    first, second, third = read_questions(path).asked
    assert first.places == (Place("a.md", quote="two years"),)
    assert (first.id, second.id) == ("line-1", "who")
    assert second.places == (Place("b.md", start=3, end=9),)
    assert third.answers == ("Brno",)
    assert third.where == f"{path}:3"


def test_queries_with_judgements_are_read_from_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "queries.jsonl", {"_id": "q1", "text": "How?"}, {"_id": "q2", "text": "Unjudged?"})
    write(tmp_path / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore", "q1\ta\t1", "q1\tb\t0")
    read = read_questions(tmp_path)
    (question,) = read.asked
    assert question.id == "q1"
    assert question.places == (Place("a"),)
    assert read.unjudged == ("q2",)


def test_judgements_may_lie_elsewhere_and_files_may_be_packed(tmp_path: Path) -> None:
    rows = json.dumps({"_id": "q1", "text": "How?"}).encode()
    (tmp_path / "queries.jsonl.gz").write_bytes(gzip.compress(rows))
    qrels = write(tmp_path / "other.tsv", "q1\ta\t2")
    assert read_questions(tmp_path / "queries.jsonl", qrels).asked[0].places == (Place("a"),)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": " ", "document_id": "a"}, r"q\.jsonl:2: question: expected a text"),
        ({"question": "x"}, r"q\.jsonl:2: document_id: expected a text"),
        ({"question": "x", "document_id": "a", "quote": ""}, r"q\.jsonl:2: quote: expected"),
        ({"question": "x", "document_id": "a", "start": 1}, r"q\.jsonl:2: start and end: expected both"),
        ({"question": "x", "document_id": "a", "start": 5, "end": 5}, r"0 <= start < end"),
        ({"question": "x", "document_id": "a", "id": "one"}, r"q\.jsonl:2: the id 'one' was there before"),
        ({"question": "x", "document_id": "a", "answers": "y"}, r"q\.jsonl:2: answers: expected a list"),
        ("{broken", r"q\.jsonl:2: not JSON"),
        ("[1]", r"q\.jsonl:2: expected a JSON object"),
    ],
)
def test_a_wrong_row_is_told_by_file_and_line(tmp_path: Path, row: object, message: str) -> None:
    path = write(tmp_path / "q.jsonl", {"question": "ok?", "document_id": "a", "id": "one"}, row)
    with pytest.raises(EvalError, match=message):
        read_questions(path)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", {"question": "", "document_id": "a"}, {"question": "x"})
    with pytest.raises(EvalError, match=r"(?s)q\.jsonl:1: .*q\.jsonl:2: "):
        read_questions(path)


def test_an_empty_file_and_a_missing_one_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(EvalError, match=r"empty\.jsonl: holds no question"):
        read_questions(tmp_path / "empty.jsonl")
    with pytest.raises(EvalError, match="no such file"):
        read_questions(tmp_path / "none.jsonl")


def test_queries_without_judgements_name_the_option(tmp_path: Path) -> None:
    path = write(tmp_path / "queries.jsonl", {"_id": "q1", "text": "How?"})
    with pytest.raises(EvalError, match="--qrels"):
        read_questions(path)


def test_judgements_of_unknown_queries_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "queries.jsonl", {"_id": "q1", "text": "How?"})
    write(tmp_path / "qrels.tsv", "q1\ta\t1", "q9\ta\t1")
    with pytest.raises(EvalError, match=r"query 'q9' is judged, and queries\.jsonl does not have it"):
        read_questions(path)
