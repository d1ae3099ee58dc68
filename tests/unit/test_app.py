"""The face of the library on the real pipeline: real model, real store, the handbook."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest

import ragkit
from ragkit import Document, QueryError
from ragkit.compress.dedupe import Dedupe
from ragkit.config.defaults import default_text
from ragkit.generate.extractive import ExtractiveGenerate
from ragkit.graph.stage import Stage
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import RrfFuse
from ragkit.subgraph import Retriever
from ragkit.types import Answer, QueryPlan, Turn
from tests.conftest import CORPUS, ROOT

QUESTIONS = [
    json.loads(line)
    for line in (ROOT / "examples/questions/questions.jsonl").read_text(encoding="utf-8").splitlines()
]
DEMO = json.loads((ROOT / "examples/questions/demo.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("item", DEMO, ids=lambda item: item["lang"] + item["question"][:20])
def test_the_demo_questions_are_answered_from_the_right_page(
    handbook: ragkit.RAG, item: dict[str, object]
) -> None:
    answer = handbook.ask(str(item["question"]))
    assert not answer.abstained
    quotes = " ".join(c.quote for c in answer.citations)
    for expected in item["expect"]:  # type: ignore[attr-defined]
        assert expected in quotes
    assert {c.document_id for c in answer.citations} & set(item["documents"])  # type: ignore[call-overload]


def test_every_citation_of_every_answer_is_the_text_at_its_place(handbook: ragkit.RAG) -> None:
    n_citations = 0
    for question in QUESTIONS:
        answer = handbook.ask(question["text"])
        assert answer.abstained == (not answer.citations)
        for c in answer.citations:
            assert c.quote == handbook.source(c.document_id)[c.start : c.end]
            n_citations += 1
    assert n_citations > 60


def test_most_simple_questions_find_their_page_among_the_first_five(handbook: ragkit.RAG) -> None:
    simple = [
        q for q in QUESTIONS if q["metadata"]["kind"] in {"fact", "number", "date", "negation", "howto"}
    ]
    found = 0
    for question in simple:
        gold = {e["document"] for e in question["evidence"]}
        hits = handbook.retrieve(question["text"], k=5).hits
        found += bool(gold & {hit.chunk.document_id for hit in hits})
    assert found >= 0.9 * len(simple)


def test_asking_works_inside_a_running_loop(handbook: ragkit.RAG) -> None:
    async def cell() -> tuple[Answer, Answer]:
        return handbook.ask(DEMO[0]["question"]), await handbook.aask(DEMO[0]["question"])

    sync, awaited = asyncio.run(cell())
    assert sync.text == awaited.text


def test_threads_get_their_own_answers(handbook: ragkit.RAG) -> None:
    expected = {item["question"]: handbook.ask(item["question"]).text for item in DEMO}
    wrong: list[str] = []

    def ask(question: str) -> None:
        for _ in range(3):
            if handbook.ask(question).text != expected[question]:
                wrong.append(question)

    threads = [threading.Thread(target=ask, args=(item["question"],)) for item in DEMO * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_trace_names_every_stage(handbook: ragkit.RAG) -> None:
    answer = handbook.ask(DEMO[0]["question"])
    nodes = handbook.trace(answer.trace_id)["nodes"]
    assert [node["node"] for node in nodes][-3:] == ["compress", "generate", "verify"]
    assert [node["node"] for node in nodes if node["status"] != "ok"] == ["condense"]
    assert nodes[0]["status"] == "skipped"


def test_a_question_in_a_language_the_model_lacks_leans_on_words_and_says_so(handbook: ragkit.RAG) -> None:
    answer = handbook.ask("Сколько дней действует номер заявки на гарантийный ремонт?")
    nodes = {node["node"]: node for node in handbook.trace(answer.trace_id)["nodes"]}
    assert nodes["dense"]["facts"]["trust"] == [0.33]
    assert nodes["dense"]["facts"]["read"] == ["Skolko dney deystvuet nomer zayavki na garantiynyy remont?"]


def test_an_answer_shows_itself_escaped(handbook: ragkit.RAG) -> None:
    with_markup = handbook.ask(DEMO[0]["question"]).with_(text="<script>alert(1)</script>")
    shown = with_markup._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "<blockquote>" in shown


@pytest.mark.parametrize("question", ["", "   ", "\n\t"])
def test_an_empty_question_is_refused(handbook: ragkit.RAG, question: str) -> None:
    with pytest.raises(QueryError, match="the question is empty"):
        handbook.ask(question)


def test_a_question_of_megabytes_is_refused(handbook: ragkit.RAG) -> None:
    with pytest.raises(QueryError, match="at most 32,768"):
        handbook.ask("x" * 1_000_000)


@pytest.mark.parametrize("k", [0, -1, 10**9, True, 1.5])
def test_k_out_of_range_is_refused(handbook: ragkit.RAG, k: int) -> None:
    with pytest.raises(QueryError, match="expected a whole number from 1"):
        handbook.retrieve("warranty", k=k)


@pytest.mark.parametrize(
    "question", ["🙂🙂🙂", "the of and", "?!.,;:", "\ud800 warranty", "🏳️‍🌈", "0", "a" * 5000]
)
def test_odd_questions_get_an_answer_or_an_abstention(handbook: ragkit.RAG, question: str) -> None:
    answer = handbook.ask(question)
    assert answer.text
    assert answer.abstained or answer.citations


@pytest.mark.parametrize("retriever", ["dense", "bm25", "hybrid", "full"])
def test_k_hits_come_back_in_order_from_every_retriever(handbook: ragkit.RAG, retriever: str) -> None:
    hits = handbook.retrieve("warranty of the scanner battery", k=25, retriever=retriever).hits  # type: ignore[arg-type]
    assert len(hits) == 25
    assert [(-h.score, h.chunk.id) for h in hits] == sorted((-h.score, h.chunk.id) for h in hits)
    assert len({h.chunk.id for h in hits}) == 25


@pytest.mark.parametrize("retriever", ["dense", "bm25", "hybrid", "full"])
def test_a_follow_up_is_retrieved_with_the_turns_before_it(
    handbook: ragkit.RAG, retriever: Retriever
) -> None:
    turns = (Turn("user", "How long is the warranty of a Wick 5?"), Turn("assistant", "24 months."))
    alone = handbook.retrieve("And its price?", k=3, retriever=retriever)
    followed = handbook.retrieve("And its price?", k=3, retriever=retriever, history=turns)
    assert "warranty.md" not in alone.hits[0].chunk.document_id
    assert "warranty.md" in followed.hits[0].chunk.document_id
    assert followed.plan.understood == "How long is the warranty of a Wick 5? And its price?"


def test_an_unknown_document_is_refused_with_a_way_on(handbook: ragkit.RAG) -> None:
    with pytest.raises(QueryError, match="ragkit ask --json"):
        handbook.source("no/such/page.md")


def test_an_empty_index_abstains_for_want_of_documents(tmp_path: Path) -> None:
    with ragkit.open(tmp_path / "index") as rag:
        answer = rag.ask("How long is the warranty?")
    assert (answer.abstained, answer.reason) == (True, "no_documents")


def test_opening_without_an_index_is_refused_when_none_may_be_made(tmp_path: Path) -> None:
    with (
        pytest.raises(ragkit.StoreError, match="ingest"),
        ragkit.open(tmp_path / "none", create=False) as rag,
    ):
        rag.ask("Anything?")
    assert not (tmp_path / "none").exists()


def test_a_second_ingestion_embeds_and_writes_nothing(tmp_path: Path) -> None:
    with ragkit.open(tmp_path) as rag:
        first = rag.ingest(CORPUS / "ru", progress=False)
        commit = rag.status().commit
        second = rag.ingest(CORPUS / "ru", progress=False)
        assert (second.unchanged, second.committed, second.embedded_chunks) == (first.seen, 0, 0)
        assert rag.status().commit == commit


def test_an_index_made_with_another_model_is_refused(tmp_path: Path) -> None:
    with ragkit.open(tmp_path) as rag:
        rag.ingest([Document("a", "Some text about something.")], progress=False)
    with (
        ragkit.open(tmp_path, set={"collection.bm25.language": "ru"}) as other,
        pytest.raises(ragkit.ConfigError, match="made with"),
    ):
        other.ask("Anything?")


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "good.md").write_text("# Warranty\n\nThe warranty lasts two years.\n", encoding="utf-8")
    (folder / "broken.txt").write_bytes(b"caf\xff\xfe\x00\x01 \xc3\x28")
    (folder / "empty.md").write_text("", encoding="utf-8")
    (folder / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    with ragkit.open(tmp_path / "index") as rag:
        report = rag.ingest(folder, progress=False)
        assert (report.seen, report.committed) == (4, 1)
        assert report.seen == report.committed + report.unchanged + report.quarantined + report.rejected
        assert {Path(d.uri).name for d in report.documents} == {"broken.txt", "empty.md", "image.png"}
        assert all(d.reason and d.stage for d in report.documents)
        assert "two years" in rag.ask("How long does the warranty last?").text


def test_a_missing_path_and_an_empty_folder_are_config_errors(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with ragkit.open(tmp_path / "index") as rag:
        with pytest.raises(ragkit.ConfigError, match="nowhere"):
            rag.ingest(tmp_path / "nowhere", progress=False)
        with pytest.raises(ragkit.ConfigError, match="no files"):
            rag.ingest(tmp_path / "empty", progress=False)


def test_tenants_do_not_see_each_other(tmp_path: Path) -> None:
    fields = {"collection.fields": {"tenant": "keyword!"}}
    with ragkit.open(tmp_path, set=fields) as rag:
        for tenant in ("acme", "globex"):
            secret = Document("terms", f"The secret word of the vault is {tenant}word.")
            rag.ingest([secret], tenant=tenant, progress=False)
        for tenant, other in (("acme", "globex"), ("globex", "acme")):
            answer = rag.ask("What is the secret word of the vault?", tenant=tenant)
            assert f"{tenant}word" in answer.text
            assert other not in rag.source("terms", tenant=tenant)
        with pytest.raises(ragkit.TenantError, match="requires a tenant"):
            rag.ask("What is the secret word of the vault?")


def words_alone() -> Stage[QueryPlan, Answer]:
    return Bm25Retrieve() >> RrfFuse() >> Dedupe() >> ExtractiveGenerate()


def test_a_graph_given_to_two_indexes_answers_each_from_its_own(tmp_path: Path) -> None:
    graph = words_alone()
    with ragkit.open(tmp_path / "a", graph=graph) as a, ragkit.open(tmp_path / "b", graph=graph) as b:
        a.ingest(Document("d", "The code of the red door is 1111."), progress=False)
        b.ingest(Document("d", "The code of the blue door is 2222."), progress=False)
        assert "1111" in a.ask("What is the code of the door?").text
        assert "2222" in b.ask("What is the code of the door?").text
        assert "1111" in a.ask("What is the code of the door?").text
        assert "red" in a.retrieve("code of the door").hits[0].chunk.text


def test_what_is_closed_stays_closed(tmp_path: Path) -> None:
    with ragkit.open(tmp_path) as rag:
        rag.ingest(Document("d", "The door is red."), progress=False)
        rag.ask("Which colour has the door?")
    rag.close()
    for call in (lambda: rag.ask("x"), lambda: rag.retrieve("x"), lambda: rag.source("d"), rag.status):
        with pytest.raises(ragkit.StoreError, match=r"closed. Open it again"):
            call()


def test_a_relative_path_counts_from_where_the_index_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    for folder in (here, elsewhere):
        folder.mkdir()
    (here / "rag.yaml").write_text(default_text().replace("./index", "./loaded"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with ragkit.load("here/rag.yaml") as loaded, ragkit.open("here/opened") as opened:
        monkeypatch.chdir(elsewhere)
        for rag in (loaded, opened):
            rag.ingest(Document("d", "The door is red."), progress=False)
    assert {path.name for path in here.iterdir()} == {"rag.yaml", "loaded", "opened"}
    assert list(elsewhere.iterdir()) == []


def test_an_unknown_retriever_is_refused(handbook: ragkit.RAG) -> None:
    with pytest.raises(QueryError, match="expected one of: dense, bm25, hybrid, full"):
        handbook.retrieve("warranty", retriever="sparse")  # type: ignore[arg-type]


def test_what_is_no_graph_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ragkit.GraphError, match="joined by >>"):
        ragkit.open(tmp_path, graph="fuse")  # type: ignore[arg-type]
