"""Answers that are given again: by whom, until when, and one run for all who ask at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from ragkit.cache.answers import AnswerCache
from ragkit.config.cache import CacheSettings, ResultCacheSettings, SemanticCacheSettings
from ragkit.errors import ModelError, StageError
from ragkit.graph.trace import Trace
from ragkit.protocols import TextKind, Vectors
from ragkit.types import Answer, QueryPlan, Turn, Usage

pytestmark = pytest.mark.anyio
QUESTION = "How long is the warranty?"
REWORDED = "How long does the warranty last?"
Make = Callable[[], Awaitable[Answer]]


class Near:
    """Reads every question as the same, so that only the checks and the keys tell them apart."""

    knows_all = True
    fails = False

    def knows(self, text: str) -> bool:
        return self.knows_all

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        if self.fails:
            raise ModelError("the model is away")
        return np.ones((len(texts), 1), dtype=np.float32)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Rig:
    """A cache with what it stands between: a graph that counts its runs, and kept traces."""

    def __init__(self, *, result: bool = True, semantic: bool = False) -> None:
        settings = CacheSettings(
            result=ResultCacheSettings(ttl_s=60) if result else None,
            semantic=SemanticCacheSettings(ttl_s=60) if semantic else None,
        )
        self.clock = Clock()
        self.cache = AnswerCache(settings, clock=self.clock)
        self.near = Near()
        self.runs = 0
        self.traces: dict[str, Trace] = {}

    async def ask(self, plan: QueryPlan, make: Make | None = None) -> Answer:
        return await self.cache.answer(
            plan, self.near, make=make or (lambda: self.made(plan)), keep_trace=self.keep
        )

    async def made(self, plan: QueryPlan, **changes: object) -> Answer:
        self.runs += 1
        await asyncio.sleep(0.01)
        usage = Usage(1.0, input_tokens=9, output_tokens=9, usd=0.1)
        return Answer(plan, text="Two years. [1]", usage=usage, trace_id="made").with_(**changes)

    def keep(self, trace: Trace) -> str:
        self.traces[trace.id] = trace
        return trace.id


def plan_of(question: str = QUESTION, *, commit: int = 1, tenant: str | None = None) -> QueryPlan:
    return replace(QueryPlan.of(question, tenant=tenant), commit=commit)


# --- what is given again ------------------------------------------------------------------------------


async def test_a_question_asked_again_costs_no_run_and_says_so() -> None:
    rig = Rig()
    first, second = await rig.ask(plan_of()), await rig.ask(plan_of())
    assert (first.cached, second.cached, rig.runs) == ("", "result", 1)
    assert second.text == first.text
    assert replace(second.usage, seconds=0.0) == Usage(input_tokens=0, output_tokens=0, usd=0.0)
    [node] = rig.traces[second.trace_id].nodes
    assert (node.use, node.facts["made_in"]) == ("cache/result", "made")


async def test_the_question_of_a_hit_is_the_one_that_was_asked() -> None:
    rig = Rig()
    await rig.ask(plan_of())
    assert (await rig.ask(plan_of(f" {QUESTION}"))).question == f" {QUESTION}"


async def test_without_settings_every_question_is_a_run() -> None:
    rig = Rig(result=False)
    await rig.ask(plan_of())
    assert (await rig.ask(plan_of())).cached == ""
    assert rig.runs == 2


@pytest.mark.parametrize("other", [plan_of(tenant="acme"), plan_of(commit=2), plan_of("How long?")])
async def test_another_reader_commit_or_question_is_a_run(other: QueryPlan) -> None:
    rig = Rig()
    await rig.ask(plan_of())
    assert (await rig.ask(other)).cached == ""


async def test_a_commit_lets_go_of_all_that_was_made_before_it() -> None:
    rig = Rig(semantic=True)
    await rig.ask(plan_of())
    assert rig.cache.counts().entries == 2
    await rig.ask(plan_of("Who approves it?", commit=2))
    assert rig.cache.counts().entries == 2
    assert (await rig.ask(plan_of(commit=1))).cached == ""


async def test_an_answer_is_made_anew_once_its_time_is_over() -> None:
    rig = Rig(semantic=True)
    await rig.ask(plan_of())
    rig.clock.now = 60.0
    assert (await rig.ask(plan_of())).cached == ""
    assert rig.runs == 2


# --- what is not kept ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"degraded": ("rerank",)},
        {"abstained": True, "reason": "unsupported"},
        {"cached": "result"},
    ],
)
async def test_what_is_not_whole_is_never_given_again(changes: dict[str, object]) -> None:
    rig = Rig(semantic=True)
    for _ in range(2):
        answer = await rig.ask(plan_of(), lambda: rig.made(plan_of(), **changes))
    assert rig.runs == 2
    assert answer.trace_id == "made"
    assert rig.cache.counts().entries == 0


async def test_a_failure_is_never_given_again() -> None:
    rig = Rig()

    async def fails() -> Answer:
        raise StageError("down", stage="generate")

    with pytest.raises(StageError, match="down"):
        await rig.ask(plan_of(), fails)
    assert (await rig.ask(plan_of())).cached == ""


async def test_an_abstention_for_want_of_evidence_is_kept_for_its_own_wording_alone() -> None:
    rig = Rig(semantic=True)
    nothing = {"abstained": True, "reason": "no_evidence"}
    await rig.ask(plan_of(), lambda: rig.made(plan_of(), **nothing))
    assert (await rig.ask(plan_of())).cached == "result"
    assert (await rig.ask(plan_of(REWORDED))).cached == ""


async def test_an_answer_that_was_begun_before_something_was_forgotten_is_not_kept() -> None:
    rig = Rig(semantic=True)

    async def forgotten_meanwhile() -> Answer:
        rig.cache.clear()
        return await rig.made(plan_of())

    await rig.ask(plan_of(), forgotten_meanwhile)
    assert rig.cache.counts().entries == 0


# --- at once ------------------------------------------------------------------------------------------


async def test_sixteen_who_ask_at_once_share_one_run() -> None:
    rig = Rig()
    answers = await asyncio.gather(*(rig.ask(plan_of()) for _ in range(16)))
    assert rig.runs == 1
    assert sorted(answer.cached for answer in answers) == ["", *["result"] * 15]
    assert (rig.cache.counts().missed, rig.cache.counts().shared) == (1, 15)


def test_threads_with_loops_of_their_own_share_one_run() -> None:
    rig = Rig()
    together = threading.Barrier(8)
    answers: list[Answer] = []

    def ask() -> None:
        together.wait()
        answers.append(asyncio.run(rig.ask(plan_of())))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(answers) == 8
    assert rig.runs == 1


async def test_a_leader_that_fails_fails_nobody_else() -> None:
    rig = Rig()
    is_first = iter([True])

    async def first_fails() -> Answer:
        if next(is_first, False):
            await asyncio.sleep(0.01)
            raise StageError("down", stage="generate")
        return await rig.made(plan_of())

    asked = (rig.ask(plan_of(), first_fails) for _ in range(4))
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(outcomes[0], StageError)
    assert all(isinstance(outcome, Answer) for outcome in outcomes[1:])


async def test_where_a_leader_is_cancelled_another_one_takes_its_place() -> None:
    rig = Rig()
    tasks = [asyncio.create_task(rig.ask(plan_of())) for _ in range(4)]
    await asyncio.sleep(0.002)
    tasks[0].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert [answer.text for answer in outcomes[1:] if isinstance(answer, Answer)] == ["Two years. [1]"] * 3
    assert rig.runs == 2


async def test_a_follower_that_is_cancelled_leaves_the_others_be() -> None:
    rig = Rig()
    tasks = [asyncio.create_task(rig.ask(plan_of())) for _ in range(4)]
    await asyncio.sleep(0.002)
    tasks[2].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(outcome, Answer) for outcome in outcomes] == [True, True, False, True]
    assert rig.runs == 1


async def test_those_who_wait_for_what_cannot_be_kept_have_their_own_made() -> None:
    rig = Rig()
    degraded = (rig.ask(plan_of(), lambda: rig.made(plan_of(), degraded=("rerank",))) for _ in range(4))
    answers = await asyncio.gather(*degraded)
    assert rig.runs == 4
    assert {answer.cached for answer in answers} == {""}


# --- by meaning ---------------------------------------------------------------------------------------


async def test_another_wording_is_answered_as_its_own_question() -> None:
    rig = Rig(semantic=True)
    await rig.ask(plan_of())
    answer = await rig.ask(plan_of(REWORDED))
    assert (answer.cached, answer.question, rig.runs) == ("semantic", REWORDED, 1)
    [node] = rig.traces[answer.trace_id].nodes
    assert node.facts["cosine"] == 1.0
    assert QUESTION not in repr(node)


@pytest.mark.parametrize(
    "other",
    [
        plan_of("How long is the warranty not valid?"),
        plan_of("Сколько длится гарантия?"),
        plan_of(REWORDED, tenant="acme"),
        plan_of(REWORDED, commit=2),
        replace(plan_of(REWORDED), history=(Turn("user", "The scanner?"),)),
    ],
)
async def test_what_may_have_another_answer_is_a_run(other: QueryPlan) -> None:
    rig = Rig(semantic=True)
    await rig.ask(plan_of())
    assert (await rig.ask(other)).cached == ""


async def test_a_language_that_the_embedder_does_not_know_has_the_exact_cache_alone() -> None:
    rig = Rig(semantic=True)
    rig.near.knows_all = False
    await rig.ask(plan_of("Какой срок гарантии?"))
    assert (await rig.ask(plan_of("Каков срок гарантии?"))).cached == ""
    assert (await rig.ask(plan_of("Какой срок гарантии?"))).cached == "result"


async def test_an_embedder_that_fails_is_the_runs_matter() -> None:
    rig = Rig(semantic=True)
    rig.near.fails = True
    assert (await rig.ask(plan_of())).text == "Two years. [1]"
