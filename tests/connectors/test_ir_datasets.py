"""ir_datasets: collections made with its own classes here, so that nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ragkit.errors import EvalError
from ragkit.evaluation.from_ir_datasets import load_ir_dataset

# Not imported here: on import the package makes folders in its home, which the fixture sets.
pytestmark = pytest.mark.skipif(find_spec("ir_datasets") is None, reason="needs the extra ir-datasets")


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IR_DATASETS_HOME", str(tmp_path / "home"))


def made(folder: Path, **parts: str) -> Any:
    import ir_datasets

    names = {"docs": "docs_tsv", "queries": "queries_tsv", "qrels": "qrels_trec"}
    paths = {}
    for part, text in parts.items():
        paths[names[part]] = str(folder / part)
        (folder / part).write_text(text, encoding="utf-8")
    return ir_datasets.create_dataset(**paths)


DOCS = "d1\tIt lasts two years.\nd2\tРемонт длится 20 дней.\n"
QUERIES = "q1\thow long\nq2\tremont\nq3\tnot judged\n"


def test_a_collection_is_read_as_a_dataset(tmp_path: Path) -> None:
    source = made(tmp_path, docs=DOCS, queries=QUERIES, qrels="q1 0 d1 2\nq2 0 d2 1\nq2 0 d1 0\n")
    data = load_ir_dataset(source, name="mine")
    assert (data.name, list(data.questions), list(data.judged)) == ("mine", ["q1", "q2", "q3"], ["q1", "q2"])
    assert data.qrels == {"q1": {"d1": 2}, "q2": {"d2": 1, "d1": 0}}
    assert [(d.id, d.text) for d in data.documents()][1] == ("d2", "Ремонт длится 20 дней.")
    assert data.texts().document("d1") == "It lasts two years."
    assert data.check() == 2


def test_its_checksum_is_that_of_its_content(tmp_path: Path) -> None:
    parts = {"docs": DOCS, "queries": QUERIES, "qrels": "q1 0 d1 2\n"}
    sums = []
    for name, change in {"one": {}, "same": {}, "other": {"qrels": "q1 0 d1 1\n"}}.items():
        (tmp_path / name).mkdir()
        sums.append(load_ir_dataset(made(tmp_path / name, **{**parts, **change})).checksum())
    assert sums[0] == sums[1] != sums[2]


def test_judgements_of_documents_that_are_not_there_are_told(tmp_path: Path) -> None:
    data = load_ir_dataset(made(tmp_path, docs=DOCS, queries=QUERIES, qrels="q1 0 d9 1\n"), name="mine")
    with pytest.raises(EvalError, match="mine: query 'q1' judges 'd9', which is not in mine"):
        data.check()


def test_titles_and_the_parts_of_topics_are_found() -> None:
    class Document(NamedTuple):
        doc_id: str
        title: str
        abstract: str

    class Topic(NamedTuple):
        query_id: str
        title: str
        description: str

    class Judgement(NamedTuple):
        query_id: str
        doc_id: str
        relevance: int

    class Own:
        def has(self, part: str) -> bool:
            return True

        def docs_iter(self) -> Iterator[Document]:
            yield Document("d1", "Cranes", "They lift 40 tonnes.")

        def queries_iter(self) -> Iterator[Topic]:
            yield Topic("1", "crane load", "What do cranes lift?")

        def qrels_iter(self) -> Iterator[Judgement]:
            yield Judgement("1", "d1", 1)
            yield Judgement("1", "d1", 1)

    data = load_ir_dataset(Own(), name="own")
    assert [d.text for d in data.documents()] == ["Cranes\n\nThey lift 40 tonnes."]
    assert data.questions["1"].text == "crane load"


def test_a_part_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match=r"has no judgements\. Take an id that has all three"):
        load_ir_dataset(made(tmp_path, docs=DOCS, queries=QUERIES))


def test_an_unknown_id_is_told_with_the_nearest() -> None:
    with pytest.raises(EvalError, match=r"no dataset 'beir/scifct/test'\. Did you mean 'beir/scifact/test'"):
        load_ir_dataset("beir/scifct/test")
