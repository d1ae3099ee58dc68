"""Streamed answers of a whole RAG: the events fold to what `ask` gives, and an early end is an end."""

from __future__ import annotations

import asyncio
import json
import random
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

import ragkit
from evals.citation_corruptions import corrupted, faithful, names_in
from ragkit.chat import Message
from ragkit.errors import QueryError, StageError
from ragkit.events import Done, Event, Retracted, Shown, Spent, Token, fold
from ragkit.generate.cited import CitedGenerate
from ragkit.generate.extractive import ExtractiveGenerate
from ragkit.generate.reflect import ReflectGenerate
from ragkit.generate.reply import NO_ANSWER
from ragkit.generate.structured import StructuredGenerate
from ragkit.graph.spec import GraphSpec, NodeSpec
from ragkit.graph.stage import Stage
from ragkit.graph.threads import permits
from ragkit.retrieve.bm25 import Bm25Retrieve
from ragkit.retrieve.fuse import WeightedFuse
from ragkit.types import Answer
from ragkit.verify.citations import VerifyCitations
from ragkit.verify.judged import JudgeCitations
from tests.conftest import ROOT
from tests.scale import scaled
from tests.unit.generate.dictated import Dictated, passages_in
from tests.unit.generate.scripted import Scripted

QUESTIONS = [
    json.loads(line)["text"]
    for line in (ROOT / "examples/questions/questions.jsonl").read_text(encoding="utf-8").splitlines()
]
SCHEMA = {"type": "object", "properties": {"said": {"type": "array", "items": {"type": "string"}}}}


def quoting(seed: int) -> Callable[[Sequence[Message]], str]:
    """Sentences of the passages, reworded, with markers in one of the shapes that models write."""

    def write(messages: Sequence[Message]) -> str:
        written = faithful(passages_in(messages), random.Random(seed))
        return written.text if written else NO_ANSWER

    return write


def erring(seed: int) -> Callable[[Sequence[Message]], str]:
    """A right sentence, a wrong one and a right one; where it is asked anew, right ones alone."""

    def write(messages: Sequence[Message]) -> str:
        passages, rng = passages_in(messages), random.Random(seed)
        right = faithful(passages, rng)
        if len(messages) > 2 or right is None:
            return right.text if right else NO_ANSWER
        wrong = corrupted("number", passages, names_in(passages), rng) or right
        again = faithful(passages, rng) or right
        return f"{right.text}\n\n{wrong.text}\n\n{again.text}"

    return write


def telling(text: str) -> Callable[[Sequence[Message]], str]:
    return lambda messages: text


def data(messages: Sequence[Message]) -> str:
    """Two sentences of the first passage as JSON with their quotes, and one that stands nowhere."""
    passages = passages_in(messages)
    said = [line.strip() for line in passages[0].split(".") if len(line.strip()) > 20][:2]
    said.append("It is made of cheese")
    rows = [{"place": f"said[{i}]", "passage": 1, "quote": quote} for i, quote in enumerate(said)]
    return json.dumps({"data": {"said": said}, "evidence": rows})


def graph(*answering: tuple[str, Stage[Any, Any]], **nodes: dict[str, Any]) -> GraphSpec:
    """Retrieval by words, then the stages, each reading the one before; `nodes` says more of them."""
    made = [
        NodeSpec("sparse", Bm25Retrieve()),
        NodeSpec("fuse", WeightedFuse(k=4), inputs=("sparse",)),
    ]
    before = "fuse"
    for name, stage in answering:
        made.append(NodeSpec(name, stage, inputs=(before,), **nodes.get(name, {})))
        before = name if name != "spare" else before
    return GraphSpec(tuple(made), before)


@contextmanager
def opened(index: Path, spec: GraphSpec) -> Iterator[ragkit.RAG]:
    with ragkit.open(index, create=False, graph=spec) as rag:
        yield rag


def same(first: Answer, second: Answer) -> bool:
    """But for the time that was taken and the trace."""
    usage = replace(second.usage, seconds=first.usage.seconds)
    return first == second.with_(usage=usage, trace_id=first.trace_id)


def cited(model: Dictated, *more: tuple[str, Stage[Any, Any]], policy: str = "drop") -> GraphSpec:
    verify = VerifyCitations(on_unsupported=policy)
    return graph(("generate", CitedGenerate(llm=model)), ("verify", verify), *more)


def judged(policy: str, *refused: int) -> tuple[str, Stage[Any, Any]]:
    model = Scripted(json.dumps({"unsupported": list(refused)}))
    return "judge", JudgeCitations(llm=model, on_unsupported=policy)


def reflected(seed: int) -> GraphSpec:
    model = Dictated(erring(seed), seed=seed)
    reflect = ("reflect", ReflectGenerate(llm=model))
    return cited(model, reflect, ("again", VerifyCitations()), policy="regenerate")


def standing_in(seed: int, spare: Stage[Any, Any], dies_after: int) -> GraphSpec:
    generate = CitedGenerate(llm=Dictated(quoting(seed), seed=seed, dies_after=dies_after))
    return graph(
        ("spare", spare),
        ("generate", generate),
        ("verify", VerifyCitations()),
        generate={"on_error": "spare"},
    )


KINDS: dict[str, Callable[[int], GraphSpec]] = {
    "cited": lambda seed: cited(Dictated(quoting(seed), seed=seed)),
    "erring, drop": lambda seed: cited(Dictated(erring(seed), seed=seed)),
    "erring, flag": lambda seed: cited(Dictated(erring(seed), seed=seed), policy="flag"),
    "erring, abstain": lambda seed: cited(Dictated(erring(seed), seed=seed), policy="abstain"),
    "reflect": reflected,
    "judged, drop": lambda seed: cited(Dictated(quoting(seed), seed=seed), judged("drop", 1)),
    "judged, flag": lambda seed: cited(Dictated(erring(seed), seed=seed), judged("flag", 1)),
    "judged, abstain": lambda seed: cited(Dictated(quoting(seed), seed=seed), judged("abstain", 1)),
    "structured": lambda seed: graph(
        ("generate", StructuredGenerate(llm=Dictated(data, seed=seed), json_schema=SCHEMA))
    ),
    "no answer": lambda seed: cited(Dictated(telling(NO_ANSWER), seed=seed, longest=3)),
    "unsupported": lambda seed: cited(Dictated(telling("Elephants fly to 77 moons. [1] They do."))),
    "extractive": lambda seed: graph(("generate", ExtractiveGenerate())),
    "dies, extractive": lambda seed: standing_in(seed, ExtractiveGenerate(), 8),
    "dies, another model": lambda seed: standing_in(
        seed, CitedGenerate(llm=Dictated(quoting(seed + 1), seed=seed)), 20
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_events_fold_to_the_answer_that_is_not_streamed(kind: str, handbook_index: Path) -> None:
    n_done = 0
    for seed in range(scaled(40)):
        question = QUESTIONS[(7 * seed) % len(QUESTIONS)]
        with opened(handbook_index, KINDS[kind](seed)) as rag:
            try:
                expected = rag.ask(question)
            except StageError as e:
                # What stands in for a model must not deny that there is an answer, streamed or not.
                with pytest.raises(StageError, match=re.escape(str(e))):
                    list(rag.stream(question))
                continue
            assert same(fold(rag.stream(question)), expected), (kind, seed, question)
            n_done += 1
    assert n_done == scaled(40) or (n_done > 0 and kind.startswith("dies"))


def test_the_default_answers_fold_too(handbook: ragkit.RAG) -> None:
    for question in (*QUESTIONS[:6], "Who won the cup in 1966?"):
        events = list(handbook.stream(question))
        assert same(fold(events), handbook.ask(question))
        assert not any(isinstance(event, Token | Retracted) for event in events)


def test_of_faithful_text_nothing_is_taken_back(handbook_index: Path) -> None:
    n_early = n_shown = 0
    for seed in range(scaled(200)):
        model = Dictated(quoting(seed), seed=seed, pause_s=0.002)
        with opened(handbook_index, cited(model)) as rag:
            events = list(rag.stream(QUESTIONS[seed % len(QUESTIONS)]))
        kinds = [type(event) for event in events]
        assert Retracted not in kinds
        n_shown += kinds.count(Shown)
        # Where no passage is found no model is asked.
        n_early += kinds[: kinds.index(Spent)].count(Shown) if Spent in kinds else 0
    # The last sentence of each waits for the end of the text.
    assert n_shown > n_early > 0


def test_a_sentence_is_seen_long_before_the_text_ends(handbook_index: Path) -> None:
    def long(messages: Sequence[Message]) -> str:
        rng = random.Random(3)
        return "\n".join(w.text for _ in range(6) if (w := faithful(passages_in(messages), rng)))

    with opened(handbook_index, cited(Dictated(long, longest=4, pause_s=0.02))) as rag:
        events = list(rag.stream(QUESTIONS[0]))
        (done,) = (event for event in events if isinstance(event, Done))
        trace = rag.trace(done.rest.trace_id)
    seconds = done.rest.usage.seconds
    assert 0 < trace["first_token_s"] < trace["first_sentence_s"] < 0.7 * seconds
    node = next(node for node in trace["nodes"] if node["node"] == "generate")
    assert 0 < node["facts"]["first_token_s"] < trace["first_token_s"]


def test_what_a_judge_refuses_is_taken_back(handbook_index: Path) -> None:
    with opened(handbook_index, cited(Dictated(quoting(4), pause_s=0.002), judged("drop", 1))) as rag:
        events = list(rag.stream(QUESTIONS[0]))
    first = next(event for event in events if isinstance(event, Shown))
    assert Retracted(first.id) in events
    assert first.sentence not in fold(events).sentences


@pytest.mark.parametrize("kind", ["erring, abstain", "judged, abstain"])
def test_where_one_sentence_refuses_all_nothing_is_seen_before_the_end(
    kind: str, handbook_index: Path
) -> None:
    with opened(handbook_index, KINDS[kind](2)) as rag:
        events = list(rag.stream(QUESTIONS[0]))
    kinds = [type(event) for event in events]
    assert Token not in kinds
    assert kinds[0] is Spent
    assert Shown not in kinds[: len(kinds) - kinds[::-1].index(Spent)]


def test_after_a_model_dies_its_sentences_are_taken_back(handbook_index: Path) -> None:
    spec = standing_in(6, ExtractiveGenerate(), 60)
    with opened(handbook_index, spec) as rag:
        events = list(rag.stream(QUESTIONS[0]))
    answer = fold(events)
    assert answer.degraded == ("generate",)
    assert answer.generator == "generate/extractive"
    assert any(isinstance(event, Token) for event in events)


def test_an_error_comes_after_what_was_shown_and_without_done(handbook_index: Path) -> None:
    model = Dictated(quoting(4), dies_after=200, longest=3, pause_s=0.001)
    events: list[Event] = []

    def read() -> None:
        with opened(handbook_index, cited(model)) as rag:
            events.extend(rag.stream(QUESTIONS[0]))

    with pytest.raises(StageError, match="broke off"):
        read()
    with pytest.raises(ValueError, match="broke off"):
        fold(events)


def test_a_wrong_question_is_refused_before_any_event(handbook: ragkit.RAG) -> None:
    with pytest.raises(QueryError, match="empty"):
        next(handbook.stream(" "))


@pytest.mark.parametrize("is_async", [True, False])
def test_leaving_early_ends_the_models_call(is_async: bool, handbook_index: Path) -> None:
    model = Dictated(telling("It lasts two years. [1] " * 50), pause_s=0.05)

    async def leave(rag: ragkit.RAG) -> None:
        before = asyncio.all_tasks()
        async with aclosing(rag.astream(QUESTIONS[0])) as events:
            async for event in events:
                if isinstance(event, Token):
                    break
        assert model.open == 0
        assert asyncio.all_tasks() == before

    with opened(handbook_index, cited(model)) as rag:
        if is_async:
            anyio.run(leave, rag)
        else:
            events = rag.stream(QUESTIONS[0])
            assert isinstance(next(events), Token)
            assert model.open == 1
            events.close()
            assert model.open == 0


def test_many_threads_stream_from_one_rag(handbook_index: Path) -> None:
    answers: dict[int, Answer] = {}
    with opened(handbook_index, cited(Dictated(quoting(1), pause_s=0.001))) as rag:

        def read(n: int) -> None:
            answers[n] = fold(rag.stream(QUESTIONS[n]))

        threads = [threading.Thread(target=read, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(same(answers[n], rag.ask(QUESTIONS[n])) for n in range(8))


def test_random_chunkings_and_cancels_leave_nothing_behind(handbook_index: Path) -> None:
    n_whole = n_left = 0

    async def campaign() -> None:
        nonlocal n_whole, n_left
        rng = random.Random(5)
        before = asyncio.all_tasks()
        for seed in range(scaled(1000)):
            model.dictate, model.rng = rng.choice([quoting, erring])(seed), random.Random(seed)
            model.longest, model.pause_s = rng.choice([1, 5, 40]), rng.choice([0.0, 0.001])
            question = rng.choice(QUESTIONS)
            events: list[Event] = []
            with anyio.move_on_after(rng.choice([60.0, rng.uniform(0, 0.1)])) as scope:
                async with aclosing(rag.astream(question)) as stream:
                    async for event in stream:
                        events.append(event)
            assert model.open == 0
            assert asyncio.all_tasks() == before
            if scope.cancelled_caught:
                n_left += 1
                assert not any(isinstance(event, Done) for event in events)
                continue
            n_whole += 1
            assert same(fold(events), await rag.aask(question)), (seed, question)
        # A thread that was left behind gives its permit back when it ends.
        with anyio.fail_after(10):
            while permits().borrowed_tokens:
                await anyio.sleep(0.01)

    model = Dictated(quoting(0))
    with opened(handbook_index, cited(model)) as rag:
        anyio.run(campaign)
    assert n_whole > 0
    assert n_left > 0
