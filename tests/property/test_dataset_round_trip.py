"""A dataset that is written is read again as it was; a quote is found where it stands."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import assume, given, seed, settings
from hypothesis import strategies as st

from ragkit.evaluation.corpus import CorpusRow, MadeCorpus
from ragkit.evaluation.dataset import Dataset, Evidence, Question, load_dataset
from ragkit.evaluation.evidence import StatedPlace
from ragkit.evaluation.own_questions import load_questions
from ragkit.evaluation.save import save_dataset
from ragkit.evaluation.trec import read_qrels, write_qrels
from ragkit.types import Span, Turn
from tests.scale import scaled

SEED = 17
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
asked = texts.filter(lambda text: bool(text.strip()))
ids = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r\0"), min_size=1, max_size=8
).filter(lambda id_: bool(id_.strip()))
words = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=8).filter(
    lambda id_: not any(c.isspace() for c in id_)
)
metadata = st.dictionaries(
    texts, st.none() | st.booleans() | st.integers() | texts | st.lists(texts), max_size=3
)


@st.composite
def datasets(draw: st.DrawFn, names: st.SearchStrategy[str] = ids) -> Dataset:
    rows = [
        CorpusRow(id_, title=draw(texts).strip(), text=draw(texts), metadata=draw(metadata))
        for id_ in draw(st.lists(names, min_size=1, max_size=4, unique=True))
    ]
    questions: dict[str, Question] = {}
    qrels: dict[str, dict[str, int]] = {}
    for id_ in draw(st.lists(names, min_size=1, max_size=4, unique=True)):
        places = []
        for row in draw(st.lists(st.sampled_from(rows), max_size=2)):
            length = len(row.document().text)
            if length:
                start = draw(st.integers(0, length - 1))
                span = Span(start, draw(st.integers(start + 1, length)))
                places.append(Evidence(row.id, span=span, hop=draw(st.integers(1, 3))))
        questions[id_] = Question(
            id_,
            draw(asked),
            answers=tuple(draw(st.lists(texts, max_size=2))),
            evidence=tuple(places),
            is_answerable=draw(st.none() | st.booleans()),
            history=tuple(
                draw(st.lists(st.builds(Turn, st.sampled_from(["user", "assistant"]), texts), max_size=2))
            ),
            metadata={k: v for k, v in draw(metadata).items() if k != "answerable"},
        )
        if draw(st.booleans()) or not qrels:
            some = draw(st.lists(st.sampled_from(rows), min_size=1, max_size=2, unique_by=lambda row: row.id))
            qrels[id_] = {row.id: draw(st.integers(0, 4)) for row in some}
    return Dataset(
        "made",
        folder=Path(),
        split="dev",
        questions=questions,
        qrels=qrels,
        source=MadeCorpus("made", lambda: rows),
    )


@seed(SEED)
@settings(max_examples=scaled(150), deadline=None)
@given(datasets())
def test_what_is_saved_is_read_again(data: Dataset) -> None:
    with tempfile.TemporaryDirectory() as name:
        save_dataset(data, name)
        again = load_dataset(name, split="dev")
        assert again.questions == data.questions
        assert again.qrels == data.qrels
        assert list(again.corpus()) == list(data.corpus())
        for row in data.corpus():
            assert again.texts().document(row.id) == data.texts().document(row.id)
        # Saved once more it is the same dataset, byte for byte.
        save_dataset(again, Path(name) / "again")
        assert load_dataset(Path(name) / "again", split="dev").checksum() == again.checksum()


@seed(SEED)
@settings(max_examples=scaled(100), deadline=None)
@given(datasets(words))
def test_judgements_go_out_as_trec_and_come_back(data: Dataset) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "qrels.txt"
        write_qrels(data.qrels, path)
        assert read_qrels(path) == data.qrels


@seed(SEED)
@settings(max_examples=scaled(200), deadline=None)
@given(st.text(min_size=1, max_size=80), st.data())
def test_a_quote_that_stands_once_is_found_where_it_stands(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    quote = text[start:end]
    assume(quote.strip())
    assume(text.find(quote) == text.rfind(quote))
    assert StatedPlace("d", quote=quote).found({"d": text}.get).span == Span(start, end)


@seed(SEED)
@settings(max_examples=scaled(50), deadline=None)
@given(st.lists(st.tuples(asked, st.lists(texts, max_size=2)), min_size=1, max_size=4))
def test_questions_over_a_folder_are_read_as_they_are_written(pairs: list[tuple[str, list[str]]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "docs").mkdir()
        (Path(name) / "docs/a.txt").write_text("One.")
        rows = [{"text": text, "answers": answers, "documents": ["a.txt"]} for text, answers in pairs]
        path = Path(name) / "questions.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        data = load_questions(path, Path(name) / "docs")
        assert [(q.text, list(q.answers)) for q in data.questions.values()] == pairs
