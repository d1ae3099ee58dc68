"""Caches around a whole RAG: real model, real store, the extractive graph."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit import Document, Turn
from ragkit.events import Event, fold
from ragkit.types import Answer, Usage

WARRANTY = "The warranty on the scanner lasts 24 months. The warranty on its battery lasts 6 months."
RETURNS = "Goods can be returned within 30 days. A return needs the receipt."
QUESTION = "How long is the warranty on the scanner?"
REWORDED = "How long is the warranty of the scanner?"
CACHES: dict[str, Any] = {"cache": {"result": {}, "semantic": {}}}


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[ragkit.RAG]:
    with ragkit.open(tmp_path / "index", set=CACHES) as opened:
        documents = [Document("warranty", WARRANTY), Document("returns", RETURNS)]
        opened.ingest(documents, progress=False)
        yield opened


def without_what_it_took(answer: Answer) -> Answer:
    return answer.with_(usage=Usage(), trace_id="", cached="")


def test_an_answer_given_again_is_the_answer(rag: ragkit.RAG) -> None:
    first, second = rag.ask(QUESTION), rag.ask(QUESTION)
    assert (first.cached, second.cached) == ("", "result")
    assert without_what_it_took(second) == without_what_it_took(first)
    assert rag.trace(second.trace_id)["nodes"][0]["use"] == "cache/result"


def test_another_wording_gets_its_answer_with_its_own_question(rag: ragkit.RAG) -> None:
    first, second = rag.ask(QUESTION), rag.ask(REWORDED)
    assert second.cached == "semantic"
    assert (second.text, second.citations) == (first.text, first.citations)
    assert second.question == REWORDED
    assert second.context is not None
    assert second.context.plan.question == REWORDED


def test_in_a_conversation_only_the_same_turns_count(rag: ragkit.RAG) -> None:
    rag.ask(QUESTION)
    history = [Turn("user", "I have a battery."), Turn("assistant", "Yes.")]
    assert rag.ask(REWORDED, history=history).cached == ""
    assert rag.ask(REWORDED, history=history).cached == "result"


def test_a_question_in_a_language_that_the_model_lacks_has_the_exact_cache(rag: ragkit.RAG) -> None:
    rag.ingest(Document("ru", "Гарантия на сканер действует 24 месяца."), progress=False)
    rag.ask("Сколько действует гарантия на сканер?")
    assert rag.ask("Сколько действует гарантия сканера?").cached == ""
    assert rag.ask("Сколько действует гарантия на сканер?").cached == "result"


def test_a_hit_can_be_streamed_and_folds_to_the_answer(rag: ragkit.RAG) -> None:
    first = rag.ask(QUESTION)

    async def streamed() -> list[Event]:
        return [event async for event in rag.astream(QUESTION)]

    answer = fold(asyncio.run(streamed()))
    assert answer.cached == "result"
    assert without_what_it_took(answer) == without_what_it_took(first)


def test_what_another_process_commits_is_in_the_next_answer(rag: ragkit.RAG, tmp_path: Path) -> None:
    rag.ask(QUESTION)
    with ragkit.open(tmp_path / "index") as other:
        changed = WARRANTY.replace("24 months", "36 months")
        other.ingest(Document("warranty", changed), progress=False)
    answer = rag.ask(QUESTION)
    assert answer.cached == ""
    assert "36 months" in answer.text


def test_what_is_forgotten_leaves_the_memory_at_once(rag: ragkit.RAG) -> None:
    rag.ask(QUESTION)
    assert rag.cache_counts().entries == 2
    rag.forget("returns")
    assert (rag.cache_counts().entries, rag.cache_counts().bytes) == (0, 0)
    rag.forget("warranty")
    assert "24 months" not in rag.ask(QUESTION).text


def test_a_repair_and_a_closing_let_go_of_all(rag: ragkit.RAG) -> None:
    rag.ask(QUESTION)
    rag.repair()
    assert rag.cache_counts().entries == 0
    rag.ask(QUESTION)
    rag.close()
    assert rag.cache_counts().entries == 0


def test_compacting_changes_no_answer_and_lets_go_of_none(rag: ragkit.RAG) -> None:
    rag.ask(QUESTION)
    rag.compact()
    assert rag.ask(QUESTION).cached == "result"


def test_two_graphs_over_one_index_share_no_answer(rag: ragkit.RAG, tmp_path: Path) -> None:
    rag.ask(QUESTION)
    briefer = {**CACHES, "query.generate.max_sentences": 1}
    with ragkit.open(tmp_path / "index", set=briefer) as other:
        answer = other.ask(QUESTION)
    assert answer.cached == ""
    assert len(answer.sentences) == 1


def test_without_the_section_nothing_is_kept(tmp_path: Path) -> None:
    with ragkit.open(tmp_path / "index") as plain:
        plain.ingest(Document("warranty", WARRANTY), progress=False)
        answers = [plain.ask(QUESTION) for _ in range(2)]
        assert [answer.cached for answer in answers] == ["", ""]
        assert plain.cache_counts().missed == 0


def test_a_cache_of_vectors_is_as_large_as_it_is_told(tmp_path: Path) -> None:
    small = {"cache": {"embeddings": {"max_entries": 1}}}
    with ragkit.open(tmp_path / "index", set=small) as plain:
        collection = plain._parts.collection
        collection.embed(["one", "two"], "query")
        assert len(collection._remembered._embedder._vectors) == 1


def test_the_usage_of_a_hit_is_what_it_took(rag: ragkit.RAG) -> None:
    rag.ask(QUESTION)
    usage = rag.ask(QUESTION).usage
    assert replace(usage, seconds=0.0) == Usage(input_tokens=0, output_tokens=0, usd=0.0)
    assert 0 < usage.seconds < 1
