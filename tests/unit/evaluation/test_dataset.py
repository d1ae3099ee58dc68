"""Reading a folder in BEIR layout, and what is said of a wrong one."""

from __future__ import annotations

import gzip
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.corpus import CorpusRow, MadeCorpus
from ragkit.evaluation.dataset import Dataset, Question, load_dataset
from ragkit.types import Turn

FILES = {
    "corpus.jsonl": '{"_id": "d1", "title": " A ", "text": "One.", "metadata": {"lang": "en"}}\n'
    '{"_id": 2, "text": "Two."}\n',
    "queries.jsonl": '{"_id": "q1", "text": "Which?", "answers": ["One"], "metadata": {"kind": "x"}}\n'
    '{"_id": "q2", "text": "What?"}\n\n{"_id": "q3", "text": "Unjudged?"}\n',
    "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\t2\t2.0\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def with_file(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_questions_and_judgements_are_read(folder: Path) -> None:
    data = load_dataset(folder)
    assert list(data.questions) == ["q1", "q2", "q3"]
    assert list(data.judged) == ["q1", "q2"]
    assert data.qrels == {"q1": {"d1": 1}, "q2": {"2": 2}}
    assert (data.questions["q1"].answers, data.questions["q1"].metadata) == (("One",), {"kind": "x"})


def test_the_corpus_gives_documents(folder: Path) -> None:
    data = load_dataset(folder)
    assert [(d.id, d.text) for d in data.documents()] == [("d1", "A\n\nOne."), ("2", "Two.")]
    assert next(data.corpus()).metadata == {"lang": "en"}
    assert data.check() == 2


def test_a_packed_dataset_is_the_same_dataset(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    packed = tmp_path_factory.mktemp("packed") / "other"
    shutil.copytree(folder, packed)
    for name in FILES:
        (packed / f"{name}.gz").write_bytes(gzip.compress((packed / name).read_bytes()))
        (packed / name).unlink()
    plain, other = load_dataset(folder), load_dataset(packed)
    assert other.checksum() == plain.checksum()
    assert list(other.corpus()) == list(plain.corpus())
    assert other.questions == plain.questions


@pytest.mark.parametrize("name", FILES)
def test_a_change_of_any_file_changes_the_checksum(folder: Path, name: str) -> None:
    before = load_dataset(folder).checksum()
    with_file(folder, name, FILES[name] + "\n")
    assert load_dataset(folder).checksum() != before


def test_answers_in_a_file_of_their_own_are_joined(folder: Path) -> None:
    before = load_dataset(folder).checksum()
    with_file(
        folder, "answers.jsonl", '{"_id": "q1", "answerable": true}\n{"_id": "q2", "answers": ["Two"]}\n'
    )
    data = load_dataset(folder)
    assert data.questions["q1"].answers == ("One",)
    assert data.questions["q1"].metadata == {"kind": "x", "answerable": True}
    assert data.questions["q2"].answers == ("Two",)
    assert data.checksum() != before


def test_a_sample_is_spread_and_judged(folder: Path) -> None:
    data = load_dataset(folder)
    assert list(data.sample(1).questions) == ["q1"]
    assert data.sample(1).qrels == {"q1": {"d1": 1}}
    assert list(data.sample(0).questions) == list(data.sample(99).questions) == ["q1", "q2"]


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 11, 19])
def test_a_sample_has_as_many_as_asked_for(n: int) -> None:
    asked = {f"q{i}": Question(f"q{i}", "Which?") for i in range(19)}
    data = Dataset(
        "made", folder=Path(), split="test", questions=asked, qrels={id_: {"d": 1} for id_ in asked}
    )
    assert len(data.sample(n).questions) == n
    assert set(data.sample(n).questions) <= set(asked)


def test_a_judgement_file_without_header_is_read_whole(folder: Path) -> None:
    with_file(folder, "qrels/test.tsv", "q1\td1\t1\n")
    assert load_dataset(folder).qrels == {"q1": {"d1": 1}}


def test_all_mistakes_are_told_at_once(folder: Path) -> None:
    with_file(
        folder, "queries.jsonl", '{"_id": "q1", "text": "Which?"}\n{"_id": "q1", "text": "Again"}\n[1]\n'
    )
    with_file(folder, "qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\thigh\n")
    with pytest.raises(EvalError) as raised:
        load_dataset(folder)
    assert str(raised.value).splitlines() == [
        f"{folder}/queries.jsonl:2: the id 'q1' was there before: ids are unique",
        f"{folder}/queries.jsonl:3: expected a JSON object, got list",
        f"{folder}/qrels/test.tsv:2: grade 'high': expected a whole number",
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("queries.jsonl", '{"_id": "q1"}', r"queries\.jsonl:1: text: expected a text, got None"),
        ("queries.jsonl", '{"_id": "q1", "text": " "}', r"queries\.jsonl:1: text: the question is blank"),
        ("queries.jsonl", '{"text": "x"}', r"queries\.jsonl:1: _id: expected a text that is not blank"),
        ("queries.jsonl", '{"_id": "a\\tb", "text": "x"}', r":1: _id: 'a\\tb' holds a tab"),
        (
            "queries.jsonl",
            '{"_id": "q", "text": "x", "answers": "y"}',
            r":1: answers: expected a list of texts",
        ),
        ("queries.jsonl", '{"_id": "q", "text": "x", "metadata": 1}', r":1: metadata: expected an object"),
        ("queries.jsonl", "{", r"queries\.jsonl:1: not JSON"),
        ("queries.jsonl", "[" * 100_000, r"queries\.jsonl:1: not JSON: nested too deeply"),
        ("queries.jsonl", "\n", r"queries\.jsonl: holds no question"),
        ("answers.jsonl", '{"_id": "q9"}', r"answers\.jsonl:1: the id 'q9' is not in queries\.jsonl"),
        ("qrels/test.tsv", "q1 d1 1", r"test\.tsv:1: expected query id, document id and grade with tabs"),
        ("qrels/test.tsv", "q1\td1\t0.5", r"test\.tsv:1: grade '0\.5': expected a whole number"),
        ("qrels/test.tsv", "q1\td1\t1\nq1\td1\t1", r"test\.tsv:2: query 'q1' has judged 'd1' before"),
        ("qrels/test.tsv", "q9\td1\t1", r"query 'q9' is judged, and queries\.jsonl does not have it"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\n", r"test\.tsv: holds no judgement"),
    ],
)
def test_a_malformed_row_is_told_by_file_and_line(folder: Path, name: str, text: str, message: str) -> None:
    with_file(folder, name, text)
    with pytest.raises(EvalError, match=message):
        load_dataset(folder)


def test_bytes_that_are_no_text_are_told_by_line(folder: Path) -> None:
    (folder / "queries.jsonl").write_bytes(b'{"_id": "q1", "text": "x"}\n\xff\xfe\n')
    with pytest.raises(EvalError, match=r"queries\.jsonl:2: not UTF-8 at byte 0"):
        load_dataset(folder)


def test_what_cannot_be_found_is_named_with_what_there_is(folder: Path) -> None:
    with pytest.raises(EvalError, match=r"no such folder. Expected one with corpus\.jsonl"):
        load_dataset(folder / "nowhere")
    with pytest.raises(EvalError, match=r"has no qrels/tset\.tsv. Did you mean 'test'\? There is: test"):
        load_dataset(folder, split="tset")
    (folder / "corpus.jsonl").unlink()
    with pytest.raises(EvalError, match=r"has no corpus\.jsonl \(or corpus\.jsonl\.gz\)"):
        load_dataset(folder)


def test_a_file_that_is_there_twice_is_refused(folder: Path) -> None:
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(b"{}"))
    with pytest.raises(EvalError, match=r"holds both corpus\.jsonl and corpus\.jsonl\.gz"):
        load_dataset(folder)


def cut_corpus(folder: Path) -> Dataset:
    packed = gzip.compress(FILES["corpus.jsonl"].encode() * 500)
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    return load_dataset(folder)


def test_a_packed_file_that_was_cut_is_refused(folder: Path) -> None:
    data = cut_corpus(folder)
    with pytest.raises(EvalError, match=r"corpus\.jsonl\.gz.*: cannot be read: Compressed file ended"):
        data.checksum()
    with pytest.raises(EvalError, match=r"corpus\.jsonl\.gz:"):
        list(data.corpus())


def test_checking_tells_every_mistake_of_the_corpus(folder: Path) -> None:
    with_file(
        folder, "corpus.jsonl", '{"_id": "d1", "text": "x"}\n{"_id": "d1", "text": "y"}\n{"_id": "d3"}\n'
    )
    with pytest.raises(EvalError) as raised:
        load_dataset(folder).check()
    assert str(raised.value).splitlines() == [
        f"{folder}/corpus.jsonl:2: the id 'd1' was there before: ids are unique",
        f"{folder}/corpus.jsonl:3: text: expected a text, got None",
        f"{folder}/qrels/test.tsv: query 'q2' judges '2', which is not in corpus.jsonl",
    ]


def test_many_mistakes_are_cut_short(folder: Path) -> None:
    with_file(folder, "queries.jsonl", "[]\n" * 50)
    with pytest.raises(EvalError) as raised:
        load_dataset(folder)
    assert len(str(raised.value).splitlines()) == 21
    assert str(raised.value).endswith("... and 30 more")


def test_rows_before_a_malformed_one_are_given(folder: Path) -> None:
    with_file(folder, "corpus.jsonl", '{"_id": "d1", "text": "x"}\nnull\n')
    rows = load_dataset(folder).corpus()
    assert next(rows).id == "d1"
    with pytest.raises(EvalError, match=r"corpus\.jsonl:2: expected a JSON object, got NoneType"):
        next(rows)


def made(question: Question) -> Dataset:
    return Dataset(
        "made",
        folder=Path("made"),
        split="test",
        questions={"q1": question},
        qrels={"q1": {"d1": 1}},
        source=MadeCorpus("made", lambda: [CorpusRow("d1", title="", text="One.")]),
    )


def test_the_checksum_of_questions_made_in_code_counts_their_conversation() -> None:
    question = Question("q1", "And the other one?")
    plain = made(question).checksum()
    assert made(question).checksum() == plain
    others = (
        replace(question, history=(Turn("user", "Whose is the lamp?"),)),
        replace(question, history=(Turn("user", "Whose is the door?"),)),
        replace(question, metadata={"language": "en"}),
    )
    assert len({plain, *(made(other).checksum() for other in others)}) == 4
