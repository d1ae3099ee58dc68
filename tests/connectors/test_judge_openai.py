"""A judge behind a real endpoint that fails as endpoints do."""

from __future__ import annotations

import json
import random
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from ragkit.chat import Message
from ragkit.evaluation.judge import Bill, Judge, JudgeVerdict, ReplyCache, judge_cases
from ragkit_connectors.openai import OpenAIChat
from tests.connectors.chat_server import Cut, Raw, body_of, failure, reply, serving
from tests.unit.evaluation.judge.scripted import by_words
from tests.unit.evaluation.metrics.making import case, says

CASES = [
    case(reply=says(f"Two years, {i}." if i % 3 else f"Ten, {i}."), answers=("two years",), id_=f"q{i}")
    for i in range(60)
]


def by_rule(body: dict[str, Any]) -> Raw:
    return reply(by_words([Message(m["role"], m["content"]) for m in body["messages"]]))


def faulty(body: dict[str, Any]) -> Raw:
    """Fails for good on about a third of the questions, each in its own way, and now and then on others."""
    rng = random.Random(json.dumps(body["messages"][1]))
    if rng.random() < 0.3:
        faults = [failure(500), failure(400), reply("well, yes"), reply('{"verdict": "yes"}'), Raw([Cut()])]
        return rng.choice([*faults, body_of(b"<html>"), reply("", choices=[])])
    return failure(503, headers={"retry-after-ms": "1"}) if random.random() < 0.1 else by_rule(body)


def judged(model: OpenAIChat, cache: ReplyCache | None = None) -> dict[str, JudgeVerdict]:
    return anyio.run(partial(judge_cases, CASES, Judge(model, concurrency=16), cache))


def test_faults_are_counted_and_the_rest_is_judged_as_without_them() -> None:
    with serving(script=by_rule) as server:
        truth = judged(OpenAIChat(base_url=server.url, model="m"))
    with serving(script=faulty) as server:
        found = judged(OpenAIChat(base_url=server.url, model="m", retries=5, timeout_s=20.0))
    bill = Bill.of(found.values())
    assert 5 < bill.failed < 40
    assert bill.judged + bill.failed == 60
    assert all(v.score == truth[id_].score for id_, v in found.items() if not v.is_failed)
    assert bill.usd is None


def test_a_run_that_is_gone_on_with_asks_only_what_failed_on_the_way(tmp_path: Path) -> None:
    with serving(script=by_rule) as server:
        model = OpenAIChat(base_url=server.url, model="m", retries=0)
        server.script = lambda body: failure(500) if len(server.seen) > 30 else by_rule(body)
        with ReplyCache(tmp_path / "judge.sqlite") as cache:
            first = judged(model, cache)
            asked, server.script = len(server.seen), by_rule
            second = judged(model, cache)
    assert asked == 60
    assert Bill.of(first.values()).failed == 30
    assert (Bill.of(second.values()).failed, len(server.seen)) == (0, 90)
