"""Search by meaning with the bundled model: what it reads of a question in a language it does not know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ragkit
from ragkit.types import Ranking

FACTS = {
    "tesla": "Nikola Tesla was an inventor who worked on alternating current.",
    "luther": "Martin Luther was a professor of theology.",
    "khan": "Genghis Khan united many of the nomadic tribes.",
    "bread": "Bake the bread until its crust is brown.",
}
QUESTION = "Над чем работал Никола Тесла?"


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ragkit.RAG]:
    folder: Path = tmp_path_factory.mktemp("facts")
    with ragkit.open(folder) as rag:
        rag.ingest([ragkit.Document(id_, text) for id_, text in FACTS.items()], progress=False)
        yield rag


def documents(ranking: Ranking) -> list[str]:
    return [hit.chunk.document_id for hit in ranking.hits]


def test_names_are_found_across_alphabets(facts: ragkit.RAG) -> None:
    assert documents(facts.retrieve(QUESTION))[0] == "tesla"
    assert documents(facts.retrieve("Кем был Мартин Лютер?"))[0] == "luther"
    assert documents(facts.retrieve("Кого объединил Чингисхан?"))[0] == "khan"


def test_alone_it_scores_by_cosine_whatever_its_trust(facts: ragkit.RAG) -> None:
    best = facts.retrieve(QUESTION, retriever="dense").hits[0]
    assert best.score == pytest.approx(best.scores["dense"])


def test_without_trust_it_finds_nothing_beside_another(tmp_path: Path) -> None:
    with ragkit.open(tmp_path, set={"query.dense.foreign_trust": 0.0}) as rag:
        rag.ingest([ragkit.Document("tesla", FACTS["tesla"])], progress=False)
        assert documents(rag.retrieve(QUESTION)) == []


def test_a_question_it_knows_is_read_as_it_is(facts: ragkit.RAG) -> None:
    answer = facts.ask("Who united the nomadic tribes?")
    nodes = {node["node"]: node for node in facts.trace(answer.trace_id)["nodes"]}
    assert not nodes["dense"]["facts"]
