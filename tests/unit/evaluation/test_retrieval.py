"""Runs from a RAG and from any function."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import cast

import numpy as np
import pytest

import ragkit
from ragkit.errors import EvalError
from ragkit.evaluation.dataset import Question
from ragkit.evaluation.retrieval import Found, Search, asked, latency, retrieved
from ragkit.evaluation.run import Run
from ragkit.types import Chunk, Hit, QueryPlan, Ranking, Span

QUESTIONS = [Question("q1", "Which plan has licence files?"), Question("q2", "How are backups made?")]


def ranking_of(*documents: str, degraded: tuple[str, ...] = ()) -> Ranking:
    hits = [
        Hit(Chunk(f"{n}", document, span=Span(0, 1), text="x", ordinal=n), 1.0)
        for n, document in enumerate(documents)
    ]
    return Ranking(QueryPlan.of("x"), tuple(hits), degraded=degraded)


def run_of(found: Found) -> Run:
    return asked(lambda _: found, QUESTIONS[:1], name="r")


def failing(question: Question) -> Found:
    if question.id == "q1":
        raise TimeoutError("no answer in 5 s")
    return ["a"]


def test_a_document_stands_where_its_best_passage_does() -> None:
    assert run_of(ranking_of("b", "a", "b", "c")).ranked("q1") == ["b", "a", "c"]


def test_ids_keep_their_order_and_scores_are_kept() -> None:
    assert run_of(["z", "a"]).ranked("q1") == ["z", "a"]
    assert run_of({"a": 0.5, "z": np.float32(0.25)}).scores == {"q1": {"a": 0.5, "z": 0.25}}


def test_nothing_found_is_a_ranking() -> None:
    run = run_of([])
    assert (run.scores, run.failed) == ({"q1": {}}, {})


def test_a_question_that_fails_is_counted_and_the_others_go_on() -> None:
    run = asked(failing, QUESTIONS, name="r")
    assert run.failed == {"q1": "TimeoutError: no answer in 5 s"}
    assert run.ranked("q2") == ["a"]
    assert list(run.seconds) == ["q2"]


def test_a_search_that_gives_ids_one_by_one_fails_alone_and_is_timed_to_its_last() -> None:
    def one_by_one(question: Question) -> Iterator[str]:
        yield "a"
        time.sleep(0.05)
        if question.id == "q1":
            raise TimeoutError("no answer in 5 s")
        yield "b"

    run = asked(one_by_one, QUESTIONS, name="r")
    assert run.failed == {"q1": "TimeoutError: no answer in 5 s"}
    assert run.ranked("q2") == ["a", "b"]
    assert run.seconds["q2"] >= 0.05


def test_a_score_that_is_no_number_fails_its_question_alone() -> None:
    found: dict[str, Found] = {"q1": {"a": math.nan}, "q2": {"a": 1.0}}
    run = asked(lambda question: found[question.id], QUESTIONS, name="r")
    assert run.failed == {"q1": "document 'a' has the score nan"}
    assert list(run.scores) == ["q2"]


def test_a_stage_that_was_done_without_is_kept() -> None:
    run = run_of(ranking_of("a", degraded=("rerank",)))
    assert run.degraded == {"q1": ("rerank",)}


def test_all_failed_is_an_error_with_its_cause() -> None:
    with pytest.raises(EvalError, match=r"1 questions failed, none went well: TimeoutError: no answer") as e:
        asked(failing, QUESTIONS[:1], name="r")
    assert isinstance(e.value.__cause__, TimeoutError)


def test_no_question_is_an_error() -> None:
    with pytest.raises(EvalError, match="none went well: there was no question"):
        asked(failing, [], name="r")


@pytest.mark.parametrize("found", ["abc", [1, 2], None, 3, {"a": "high"}, {1: 0.5}])
def test_what_is_no_ranking_is_refused(found: object) -> None:
    with pytest.raises(EvalError, match=r"run 'r': a search gave .*: expected document ids, best first"):
        asked(cast(Search, lambda _: found), QUESTIONS, name="r")


def test_the_handbook_is_asked_for_documents(handbook: ragkit.RAG) -> None:
    run = retrieved(handbook, QUESTIONS, depth=20, retriever="bm25")
    assert (run.name, list(run.scores), run.failed) == ("bm25", ["q1", "q2"], {})
    hits = handbook.retrieve(QUESTIONS[0].text, k=20, retriever="bm25").hits
    assert run.ranked("q1") == list(dict.fromkeys(hit.chunk.document_id for hit in hits))
    assert 0 < latency(run).p50_s <= latency(run).p95_s
    assert latency(run).n == 2


def test_a_question_that_the_rag_refuses_is_counted(handbook: ragkit.RAG) -> None:
    run = retrieved(
        handbook, [Question("long", "x" * 40_000), *QUESTIONS], depth=5, retriever="bm25", name="r"
    )
    assert run.failed["long"].startswith("QueryError: the question has 40,000 characters")
    assert list(run.scores) == ["q1", "q2"]


def test_latency_of_a_run_that_was_not_timed_is_refused() -> None:
    with pytest.raises(EvalError, match="run 'r': no query was timed"):
        latency(Run("r", scores={"q1": {}}))


def test_percentiles_lie_between_neighbours() -> None:
    timed = latency(Run("r", scores={}, seconds={f"q{n}": n / 1_000 for n in range(101)}))
    assert str(timed) == "p50 50.0 ms, p95 95.0 ms, n=101"
