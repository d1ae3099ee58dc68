"""Evidence: how it is stated, where it is found, and what is said of what is not there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.dataset import Dataset, Evidence, load_dataset
from ragkit.types import Span, Turn

Row = Mapping[str, object]
CORPUS: list[Row] = [
    {"_id": "d1", "title": "Warranty", "text": "It lasts two years. Batteries: one year."},
    {"_id": "d2", "text": "one one"},
]


def dataset(folder: Path, *questions: Row, answers: Row | None = None) -> Dataset:
    (folder / "qrels").mkdir()
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    rows: list[Row] = [
        {"_id": f"q{n}", "text": "Which?", **given} for n, given in enumerate(questions, start=1)
    ]
    for name, lines in {"corpus": CORPUS, "queries": rows, "answers": [answers] if answers else []}.items():
        if lines:
            text = "\n".join(json.dumps(line) for line in lines)
            (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return load_dataset(folder)


def test_a_quote_is_found_in_the_text_with_its_title(tmp_path: Path) -> None:
    data = dataset(tmp_path, {"evidence": [{"document": "d1", "quote": "two years", "hop": 2}]})
    (place,) = data.questions["q1"].evidence
    assert place == Evidence("d1", span=Span(19, 28), hop=2)
    assert place.span.of(data.texts().document("d1") or "") == "two years"


def test_a_range_is_taken_as_it_is(tmp_path: Path) -> None:
    data = dataset(tmp_path, {"evidence": [{"document": "d1", "start": 0, "end": 8}]})
    assert data.questions["q1"].evidence == (Evidence("d1", span=Span(0, 8)),)
    assert data.check() == 2


def test_what_else_a_row_knows_of_its_question_is_read(tmp_path: Path) -> None:
    history = [{"role": "user", "text": "Hello"}, {"speaker": "agent", "text": "Yes?"}]
    data = dataset(tmp_path, {"answerable": True, "history": history}, {"metadata": {"answerable": False}})
    assert data.questions["q1"].is_answerable is True
    assert data.questions["q1"].history == (Turn("user", "Hello"), Turn("assistant", "Yes?"))
    assert data.questions["q2"].is_answerable is False
    assert list(data.asked) == ["q1", "q2"]
    assert list(data.judged) == ["q1"]


def test_evidence_may_stand_beside_the_answers(tmp_path: Path) -> None:
    answers = {"_id": "q1", "answers": ["two"], "evidence": [{"document": "d1", "quote": "two"}], "note": "x"}
    question = dataset(tmp_path, {}, answers=answers).questions["q1"]
    assert (question.answers, len(question.evidence), question.metadata) == (("two",), 1, {"note": "x"})


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"document": "d1", "quote": "three"}, r"jsonl:1: d1: holds no 'three'"),
        ({"document": "d1", "quote": "TWO years"}, r"It does but for upper and lower case"),
        ({"document": "d1", "quote": "two  years"}, r"It does but for its blanks and line ends"),
        ({"document": "d2", "quote": "one"}, r"'one' stands there more than once, at 0 and at 4"),
        ({"document": "d9", "quote": "one"}, r"evidence in 'd9', which is not in the corpus"),
        ({"document": "d1", "quote": "two", "start": 0, "end": 3}, r"at 0–3 stands 'War', not 'two'"),
        ({"document": "d1"}, r'evidence: expected \{"document", "quote"\} or'),
        ({"document": "d1", "start": 3}, r"start and end: expected characters"),
        ({"document": "d1", "start": 3, "end": 3}, r"start and end: expected characters"),
        ({"document": "d1", "quote": " "}, r"quote: expected a text that is not blank"),
        ({"document": "d1", "quote": "two", "hop": 0}, r"hop: expected a whole number from 1 on, got 0"),
        ({"quote": "two"}, r"evidence: document: expected a text"),
        ("d1", r"evidence: expected \{"),
    ],
)
def test_a_place_that_cannot_be_is_refused(tmp_path: Path, place: object, message: str) -> None:
    with pytest.raises(EvalError, match=message):
        dataset(tmp_path, {"evidence": [place]})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"evidence": "d1"}, r"evidence: expected a list of"),
        ({"answerable": "no"}, r"answerable: expected true or false, got 'no'"),
        ({"history": ["Hello"]}, r"history: expected turns"),
        ({"history": {"role": "user"}}, r"history: expected a list of turns"),
    ],
)
def test_a_malformed_row_is_told_with_its_line(tmp_path: Path, row: dict[str, object], message: str) -> None:
    with pytest.raises(EvalError, match=r"queries\.jsonl:1: " + message):
        dataset(tmp_path, row)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (
            {"document": "d1", "start": 40, "end": 99},
            r"query 'q1': evidence in 'd1' at 40–99: its text ends at 50",
        ),
        ({"document": "d1", "start": 8, "end": 10}, r"evidence in 'd1' at 8–10: nothing stands there"),
        ({"document": "d9", "start": 0, "end": 1}, r"evidence in 'd9', which is not in the corpus"),
    ],
)
def test_a_range_outside_its_text_is_found_by_the_check(
    tmp_path: Path, place: dict[str, object], message: str
) -> None:
    data = dataset(tmp_path, {"evidence": [place]})
    with pytest.raises(EvalError, match=message):
        data.check()


def test_texts_are_looked_up_in_plain_and_in_packed_files(tmp_path: Path) -> None:
    import gzip

    data = dataset(tmp_path, {})
    plain = {id_: data.texts().document(id_) for id_ in ("d1", "d2", "d3")}
    assert plain == {
        "d1": "Warranty\n\nIt lasts two years. Batteries: one year.",
        "d2": "one one",
        "d3": None,
    }
    path = tmp_path / "corpus.jsonl"
    (tmp_path / "corpus.jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    packed = load_dataset(tmp_path).texts()
    assert {id_: packed.document(id_) for id_ in plain} == plain


def test_a_corpus_that_changes_under_a_run_is_noticed(tmp_path: Path) -> None:
    texts = dataset(tmp_path, {}).texts()
    (tmp_path / "corpus.jsonl").write_text(json.dumps(CORPUS[1]) + "\n" * 200)
    with pytest.raises(EvalError, match="document 'd1' is not there any more"):
        texts.document("d1")


def test_a_choice_of_questions_is_another_dataset(tmp_path: Path) -> None:
    data = dataset(tmp_path, {"metadata": {"lang": "en"}}, {"metadata": {"lang": "ru"}})
    english = data.where(lambda question: question.metadata["lang"] == "en", subset="in English")
    assert list(english.questions) == ["q1"]
    assert english.checksum() != data.checksum()
    with pytest.raises(EvalError, match="no question is in German"):
        data.where(lambda question: question.metadata["lang"] == "de", subset="in German")
