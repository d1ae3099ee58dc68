"""The stages between retrieval and the answer, in graphs over documents that were really ingested."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit.evaluation.blame import blame
from ragkit.evaluation.case import Case
from ragkit.evaluation.outcome import Found, Outcome
from ragkit.evaluation.question import Evidence, Question
from ragkit.evaluation.runner.observe import Node, Observer
from ragkit.events.fold import fold
from ragkit.retrieve.parent import ParentRetrieve
from ragkit.types import Ranking, Span
from tests.conftest import CORPUS
from tests.unit.making import run_context
from tests.unit.retrieve.growing import Around, Resources, cut, markdown, ranking_of

GRAPH = """\
ragkit: 1
models: {embed: embed/bundled}
stores: {local: {use: store/local, path: FOLDER/index}}
collection: {store: local, embed: embed}
ingest: {chunk: {use: chunk/recursive, size: 64, overlap: 0}}
query:
  sparse: {use: retrieve/bm25, in: question}
  fuse: fuse/rrf
STAGES
  generate: generate/extractive
  verify: verify/citations
"""
QUESTIONS = ("How long is the Wick 7 covered?", "Каков срок гарантии на Wick 7?")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With an index of a part of the handbook in small passages."""
    folder = tmp_path_factory.mktemp("context")
    with loaded(folder, "") as rag:
        rag.ingest([CORPUS / "en" / "policies", CORPUS / "ru" / "policies"], progress=False)
    return folder


def loaded(folder: Path, *stages: str) -> ragkit.RAG:
    lines = "\n".join(f"  stage{n}: {stage}" for n, stage in enumerate(stages) if stage)
    path = folder / "rag.yaml"
    path.write_text(GRAPH.replace("FOLDER", str(folder)).replace("STAGES\n", lines + "\n"), encoding="utf-8")
    return ragkit.load(path)


@pytest.fixture(
    params=[
        "{use: retrieve/window, sentences: 2}",
        "{use: retrieve/parent, tokens: 300}",
        "{use: retrieve/auto-merge, tokens: 300, share: 0.3}",
    ]
)
def rag(request: pytest.FixtureRequest, folder: Path) -> Iterator[ragkit.RAG]:
    more = (
        "{use: rerank/threshold, share: 0.1}",
        "{use: compress/pack, budget_tokens: 500}",
        "rerank/reorder",
    )
    with loaded(folder, request.param, *more) as rag:
        yield rag


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_from_grown_passages_cites_its_documents_exactly(rag: ragkit.RAG, question: str) -> None:
    answer = rag.ask(question)
    assert answer.citations
    assert answer.context is not None
    for c in answer.citations:
        assert c.quote == rag.source(c.document_id)[c.start : c.end]
    facts = {node["node"]: node["facts"] for node in rag.trace(answer.trace_id)["nodes"]}
    assert facts["stage0"]["grown"] > 0
    assert 0 < facts["stage2"]["tokens"] <= 500


def test_a_streamed_answer_is_the_same(rag: ragkit.RAG) -> None:
    assert fold(rag.stream(QUESTIONS[0])).text == rag.ask(QUESTIONS[0]).text


def test_passages_are_found_whole_and_best_first(rag: ragkit.RAG) -> None:
    hits = rag.retrieve(QUESTIONS[0], k=5).hits
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    for hit in hits:
        assert hit.chunk.text == hit.chunk.span.of(rag.source(hit.chunk.document_id))


def test_where_nothing_is_good_enough_the_answer_is_an_abstention(folder: Path) -> None:
    with loaded(folder, "{use: rerank/threshold, least: 2.0}", "retrieve/parent", "compress/pack") as rag:
        answer = rag.ask(QUESTIONS[0])
        assert (answer.abstained, answer.reason, answer.degraded) == (True, "no_evidence", ())


def test_a_budget_for_nothing_is_told(folder: Path) -> None:
    with loaded(folder, "{use: compress/pack, budget_tokens: 1, framed: true}") as rag:
        assert rag.ask(QUESTIONS[0]).degraded == ("stage0: budget_tokens is too small for any passage",)


def test_what_a_passage_grew_into_counts_as_found() -> None:
    document = markdown("# Guide\n\n## Warranty\n\nIt lasts two years. Batteries have one year of it.\n")
    small = ranking_of(cut(document, 8)[:1])
    grow = ParentRetrieve(tokens=100)
    grow.setup(Resources(Around(document)))
    large = grow.run(small, run_context())
    proof = document.text.index("Batteries have one year")
    question = Question("q", "Batteries?", evidence=(Evidence(document.id, span=Span(proof, proof + 23)),))
    graph = [("fuse", "fuse/rrf"), ("grow", "retrieve/parent"), ("cut", "rerank/mmr")]
    observer = Observer(None, [Node(name, use) for name, use in graph])

    no_texts: Any = None  # only replies are looked up in them

    def lost(last: Ranking) -> str | None:
        outcome = observer.outcome("q", {"fuse": small, "grow": large, "cut": last})
        return blame(Case(question, judged={document.id: 1}, outcome=outcome, texts=no_texts), graph)

    assert lost(large) is None
    assert lost(Ranking(large.plan, ())) == "cut"
    assert lost(small) == "cut"


def test_a_stage_that_failed_to_grow_passages_is_no_retriever_to_blame() -> None:
    graph = [("words", "retrieve/bm25"), ("grow", "retrieve/window")]
    found = Found("words", "retrieve/bm25", kind="arm", places=())
    outcome = Outcome("q", found=(found,), degraded=("grow",))
    no_texts: Any = None
    case = Case(Question("q", "Why?"), judged={"a.md": 1}, outcome=outcome, texts=no_texts)
    assert blame(case, graph, indexed={"a.md": (Span(0, 1),)}) == "words"
