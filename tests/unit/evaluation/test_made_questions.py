"""Sets of questions made of documents: what is in them, what is left out, that they read as written."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from ragkit.cli import main
from ragkit.errors import EvalError
from ragkit.evaluation.folder_corpus import FolderCorpus
from ragkit.evaluation.manifest import load_manifest
from ragkit.evaluation.questions.draft import Draft
from ragkit.evaluation.questions.kinds import KINDS
from ragkit.evaluation.questions.make import MadeSet, Wanted, make_questions
from ragkit.evaluation.questions.material import Material
from ragkit.evaluation.questions.sift import sifted, without_twins
from ragkit.types import Document, Span
from tests.conftest import ROOT

HANDBOOK = ROOT / "examples/corpus"


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return list(FolderCorpus(HANDBOOK / "en").documents())


@pytest.fixture(scope="module")
def made(documents: list[Document]) -> MadeSet:
    return make_questions(documents, Wanted(80, seed=1))


def test_the_same_seed_makes_the_same_set_and_another_one_another(
    documents: list[Document], made: MadeSet
) -> None:
    assert make_questions(documents[::-1], Wanted(80, seed=1)) == made
    other = make_questions(documents, Wanted(80, seed=2))
    assert {one.id for one in other.questions} != {one.id for one in made.questions}


def test_there_are_as_many_as_wanted_of_many_kinds(made: MadeSet) -> None:
    assert len(made.questions) == 80
    assert {"faq", "howto", "number", "table", "cloze", "heading", "keywords"} <= set(made.kinds)
    assert sum(made.kinds.values()) + sum(not one.is_answerable for one in made.questions) == 80


def test_answers_stand_at_the_place_that_is_given(made: MadeSet, documents: list[Document]) -> None:
    texts = {document.id: document.text for document in documents}
    for one in made.questions:
        said = " ".join(one.draft.span.of(texts[one.draft.document_id]).split())
        assert said
        assert all(answer in said for answer in one.draft.answers)


def test_no_document_is_asked_about_in_both_parts(made: MadeSet) -> None:
    parts = {(one.draft.document_id, one.split) for one in made.questions}
    assert max(Counter(document for document, _ in parts).values()) == 1
    sizes = Counter(one.split for one in made.questions)
    assert abs(sizes["dev"] - sizes["test"]) <= 16


def test_both_parts_ask_what_cannot_be_answered(made: MadeSet) -> None:
    assert {one.split for one in made.questions if not one.is_answerable} == {"dev", "test"}


def test_what_cannot_be_answered_is_about_documents_that_are_left_out(made: MadeSet) -> None:
    refused = {one.draft.document_id for one in made.questions if not one.is_answerable}
    answered = {one.draft.document_id for one in made.questions if one.is_answerable}
    assert refused
    assert refused <= set(made.held_out)
    assert not answered & set(made.held_out)


def test_none_is_held_out_where_none_is_wanted(documents: list[Document]) -> None:
    made = make_questions(documents, Wanted(20, unanswerable=0))
    assert made.held_out == ()
    assert all(one.is_answerable for one in made.questions)


def test_only_wanted_kinds_are_made(documents: list[Document]) -> None:
    made = make_questions(documents, Wanted(20, kinds=("number", "cloze"), unanswerable=0))
    assert set(made.kinds) == {"number", "cloze"}


def documents_of(*texts: str) -> list[Document]:
    return [Document(f"{n}.txt", text, metadata={"lang": "en"}) for n, text in enumerate(texts)]


def draft(text: str, answer: str, **changes: object) -> Draft:
    stated = {
        "kind": "number",
        "document_id": "0.txt",
        "span": Span(0, 9),
        "lang": "en",
        "answers": (answer,),
    }
    return Draft(**{**stated, **changes}, text=text)  # type: ignore[arg-type]


def test_a_question_that_another_document_answers_is_left_out() -> None:
    question = draft("How long is a claim number valid?", "30 days")
    alone = "A claim number is valid for 30 days."
    other = "Cranes lift forty tonnes, and they are painted red."
    same = "We accept it for 30 days: so long is the number of a claim valid."
    conflicting = "In the north a claim number is valid for 60 days."
    assert list(sifted([question], Material(documents_of(alone, other))))
    assert not list(sifted([question], Material(documents_of(alone, same))))
    assert not list(sifted([question], Material(documents_of(alone, conflicting))))


def test_a_question_is_asked_once() -> None:
    material = Material(documents_of("A claim number is valid for 30 days.", "Cranes lift forty tonnes."))
    twice = [
        draft("How long is a claim number valid?", "30 days"),
        draft("How long are claim numbers valid?", "30 days"),
    ]
    assert len(list(sifted(twice, material))) == 1


def test_of_a_row_of_a_table_one_question_is_taken() -> None:
    material = Material(documents_of("Crane: North | Load: forty tonnes | Colour: bright red", "Berths."))
    cells = [
        draft("Crane North: Load", "forty tonnes", kind="table"),
        draft("Crane North: Colour", "bright red", kind="table"),
    ]
    assert len(without_twins(sifted(cells, material))) == 1


def test_what_a_model_has_written_is_sifted_with_the_rest(documents: list[Document]) -> None:
    text = next(document.text for document in documents if document.id == "policies/warranty.md")
    start = text.index("21 days")
    written = draft(
        "Until when do I have to send a device in once I have a return number?",
        "21 days",
        kind="llm",
        document_id="policies/warranty.md",
        span=Span(start, start + 7),
    )
    made = make_questions(documents, Wanted(30, unanswerable=0), written={"policies/warranty.md": [written]})
    assert made.kinds["llm"] == 1


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"n": 0}, "expected 1 question or more"),
        ({"n": 5, "unanswerable": 0.9}, "expected a share from 0 to 0.5"),
        ({"n": 5, "seed": -1}, "expected 0 or more"),
        ({"n": 5, "dev": 1.0}, "expected a share between 0 and 1"),
        ({"n": 5, "kinds": ("riddle",)}, r"riddle: no such kind\. There are: llm, faq"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(wanted: dict[str, object], message: str) -> None:
    with pytest.raises(EvalError, match=message):
        Wanted(**wanted)  # type: ignore[arg-type]


def test_too_few_documents_and_documents_that_say_nothing_are_told() -> None:
    with pytest.raises(EvalError, match=r"2 documents: expected 4 or more"):
        make_questions(documents_of("One.", "Two."), Wanted(5))
    with pytest.raises(EvalError, match=r"no question could be made of 5 documents.*--llm"):
        make_questions(documents_of(*["One two."] * 5), Wanted(5))


@seed(5)
@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=300), min_size=4, max_size=6))
def test_whatever_documents_say_a_set_is_made_or_refused(texts: list[str]) -> None:
    documents = [Document(f"{n}", text or "x") for n, text in enumerate(texts)]
    try:
        made = make_questions(documents, Wanted(10))
    except EvalError:
        return
    for one in made.questions:
        assert one.draft.kind in KINDS
        assert one.draft.span.end <= len(documents[int(one.draft.document_id)].text)


def test_a_set_is_written_and_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "set"
    assert main(["questions", str(HANDBOOK / "ru"), "-o", str(out), "-n", "40", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    rows = [json.loads(line) for line in (out / "questions.jsonl").read_text("utf-8").splitlines()]
    assert said["questions"] == len(rows) >= 30
    parts = [load_manifest(out / f"{split}.yaml") for split in ("dev", "test")]
    assert {id_ for part in parts for id_ in part.asked} == {row["_id"] for row in rows}
    for part in parts:
        part.check()
        assert all(question.evidence for question in part.judged.values())


def test_writing_it_again_makes_the_same_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [tmp_path / "a/set", tmp_path / "b/set"]
    for folder in folders:
        assert main(["questions", str(HANDBOOK / "en"), "-o", str(folder), "-n", "30"]) == 0
    files = [{p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()} for folder in folders]
    assert files[0] == files[1]
    assert "not asked by people" in capsys.readouterr().out


def test_files_that_cannot_be_read_are_left_out_of_the_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for path in sorted((HANDBOOK / "en/admin").glob("*.md")):
        (docs / path.name).write_bytes(path.read_bytes())
    (docs / "empty.md").write_text("")
    assert main(["questions", str(docs), "-o", str(tmp_path / "set"), "-n", "10", "--unanswerable", "0"]) == 0
    assert "left out: empty.md" in capsys.readouterr().out
    assert load_manifest(tmp_path / "set/test.yaml").check() == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no such folder. Expected one with documents"),
        ([str(HANDBOOK), "--kinds", "riddle"], "riddle: no such kind"),
        ([str(Path(__file__).parent)], "0 documents could be read, and "),
    ],
)
def test_a_wrong_call_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["questions", *arguments, "-o", str(tmp_path / "set")]) in (1, 2)
    assert message in capsys.readouterr().err
    assert not (tmp_path / "set").exists()


def test_a_set_that_is_there_is_not_replaced_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("x")
    assert main(["questions", str(HANDBOOK), "-o", str(tmp_path)]) == 2
    assert "is there already. Name another folder, or replace the set with --force" in capsys.readouterr().err


def test_what_is_no_set_is_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert main(["questions", str(HANDBOOK), "-o", str(tmp_path), "--force"]) == 2
    assert "holds no set to replace" in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_set_does_not_become_one_of_its_documents(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["questions", str(HANDBOOK), "-o", str(HANDBOOK / "set")]) == 2
    assert "one of the documents it asks about" in capsys.readouterr().err
    assert not (HANDBOOK / "set").exists()
