"""Streamed answers of a served model: any cut of the bytes, an end at any moment, and storms of both."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest

import ragkit
from evals.citation_corruptions import faithful
from ragkit.events import Done, Event, Retracted, Shown, Spent, Token, fold
from ragkit.generate.reply import NO_ANSWER
from ragkit.graph.threads import permits
from ragkit.types import Answer
from tests.connectors.chat_server import (
    DONE,
    USAGE,
    ChatServer,
    Cut,
    Hang,
    Raw,
    chunk,
    delta,
    reply,
    serving,
    stream,
)
from tests.connectors.test_generate_cited import CONFIG, SPARE
from tests.scale import scaled

pytestmark = pytest.mark.skipif(find_spec("httpx") is None, reason="needs the extra openai")

TABLE = Path("/proc/net/tcp")
ON_LINUX = pytest.mark.skipif(not TABLE.exists(), reason="counts connections as Linux tells them")
QUESTIONS = (
    "Which plan offers SAML single sign-on?",
    "How long is the warranty of the scanner?",
    "Какой срок гарантии на сканер?",
    "Что делать, если терминал потерян?",
)


@contextmanager
def answering(
    index: Path,
    folder: Path,
    script: Callable[[dict[str, Any]], Raw],
    more: str = "temperature: 0",
    spare: str = "",
) -> Iterator[tuple[ragkit.RAG, ChatServer]]:
    """A RAG whose model a script stands for, with time enough on a machine that does much else."""
    config = folder / "rag.yaml"
    with serving(script=script) as server:
        text = CONFIG.format(url=server.url, index=index, more=more, spare=spare)
        config.write_text(text.replace("timeout_s: 5", "timeout_s: 120"), encoding="utf-8")
        with ragkit.load(config) as rag:
            yield rag, server


def written(body: dict[str, Any], seed: int) -> str:
    """Sentences of the passages with markers in one of the shapes that models write."""
    user = body["messages"][-1]["content"]
    passages = [p.split("\n", 1)[-1] for p in re.findall(r"<<passage \d+ \w+>>\n([\s\S]*?)\n<<end", user)]
    found = faithful(passages, random.Random(seed))
    return found.text if found else NO_ANSWER


def served(text: str, rng: random.Random, *, pauses: int = 0, ends: bool = True) -> Raw:
    """A text cut into events at any character, and these into pieces at any byte, with pauses between."""
    places = sorted({0, len(text), *(rng.randrange(len(text) + 1) for _ in range(rng.choice([0, 5, 60])))})
    events = [delta(text[a:b]) for a, b in pairwise(places)] or [delta(text)]
    if ends:
        events += [delta("", "stop"), USAGE, DONE]
    head, *_ = stream().pieces
    assert isinstance(head, bytes)
    data = b"".join(map(chunk, events)) + (b"0\r\n\r\n" if ends else b"")
    cuts = sorted({0, len(data), *(rng.randrange(len(data)) for _ in range(rng.choice([0, 3, 40])))})
    pieces: list[bytes | Hang | Cut] = [head, *(data[a:b] for a, b in pairwise(cuts))]
    for _ in range(pauses):
        pieces.insert(rng.randrange(1, len(pieces) + 1), Hang(0.01))
    return Raw(pieces if ends else [*pieces, Cut()])


class Script:
    """Writes by the seed that is set, streamed or not; counts what was asked."""

    def __init__(self, seed: int = 0, *, pauses: int = 0, ends: bool = True) -> None:
        self.seed, self.pauses, self.ends = seed, pauses, ends

    def __call__(self, body: dict[str, Any]) -> Raw:
        text = written(body, self.seed)
        if not body.get("stream"):
            return reply(text)
        return served(text, random.Random(self.seed), pauses=self.pauses, ends=self.ends)


def same(first: Answer, second: Answer) -> bool:
    usage = replace(second.usage, seconds=first.usage.seconds)
    return first == second.with_(usage=usage, trace_id=first.trace_id)


def connections_to(port: int) -> int:
    """Connections of this machine to a port that are not closed by the client."""
    lines = TABLE.read_text(encoding="ascii").splitlines()[1:]
    fields = [line.split() for line in lines]
    return sum(int(f[2].rpartition(":")[2], 16) == port and f[3] == "01" for f in fields)


async def at_most(most: int, port: int) -> None:
    """Waits until no more connections than that are left; a closed one is gone a moment later."""
    with anyio.fail_after(20):
        while connections_to(port) > most:
            await anyio.sleep(0.005)


async def quiet() -> None:
    """Waits until the threads of cancelled runs have given their permits back."""
    with anyio.fail_after(20):
        while permits().borrowed_tokens:
            await anyio.sleep(0.01)


async def events_of(rag: ragkit.RAG, question: str, limit_s: float = 60.0) -> list[Event]:
    events: list[Event] = []
    with anyio.move_on_after(limit_s):
        async with aclosing(rag.astream(question)) as streamed:
            async for event in streamed:
                events.append(event)
    return events


def test_events_tell_the_answer_of_a_served_model(handbook_index: Path, tmp_path: Path) -> None:
    with answering(handbook_index, tmp_path, Script(3)) as (rag, _):
        events = list(rag.stream(QUESTIONS[0]))
        assert same(fold(events), rag.ask(QUESTIONS[0]))
    spent = [event.usage for event in events if isinstance(event, Spent)]
    assert [(u.input_tokens, u.output_tokens) for u in spent] == [(10, 5)]
    assert any(isinstance(event, Token) for event in events)
    assert any(isinstance(event, Shown) for event in events)


@ON_LINUX
def test_any_cut_folds_to_the_answer_and_any_end_leaves_nothing(handbook_index: Path, tmp_path: Path) -> None:
    script = Script()
    n_whole = n_left = n_retracted = 0

    async def campaign(rag: ragkit.RAG, port: int) -> None:
        nonlocal n_whole, n_left, n_retracted
        rng = random.Random(11)
        await rag.aask(QUESTIONS[0])
        before = asyncio.all_tasks()
        for seed in range(scaled(1000)):
            script.seed, script.pauses = seed, rng.choice([0, 0, 3])
            question = rng.choice(QUESTIONS)
            events = await events_of(rag, question, rng.choice([60.0, rng.uniform(0, 0.12)]))
            assert asyncio.all_tasks() == before
            await at_most(1, port)
            if not any(isinstance(event, Done) for event in events):
                n_left += 1
                continue
            n_whole += 1
            n_retracted += sum(isinstance(event, Retracted) for event in events)
            assert same(fold(events), await rag.aask(question)), (seed, question)
        await quiet()

    with answering(handbook_index, tmp_path, script) as (rag, server):
        anyio.run(campaign, rag, server.port)
    assert n_whole > 0
    assert n_left > 0
    assert n_retracted == 0


@ON_LINUX
def test_after_a_storm_of_staggered_cancels_every_request_is_served(
    handbook_index: Path, tmp_path: Path
) -> None:
    script = Script(1, pauses=4)

    async def storm(rag: ragkit.RAG, port: int) -> int:
        rng = random.Random(12)
        await rag.aask(QUESTIONS[0])
        before = asyncio.all_tasks()
        todo = iter([rng.uniform(0, 0.2) for _ in range(scaled(2000))])

        async def worker() -> None:
            for limit_s in todo:
                await events_of(rag, rng.choice(QUESTIONS), limit_s)

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(worker)
        script.pauses = 0
        n_served = 0
        for _ in range(20):
            n_served += any(isinstance(event, Done) for event in await events_of(rag, QUESTIONS[0], 20.0))
        assert asyncio.all_tasks() == before
        await at_most(20, port)
        await quiet()
        return n_served

    with answering(handbook_index, tmp_path, script) as (rag, server):
        assert anyio.run(storm, rag, server.port) == 20


@pytest.mark.parametrize("more", ["temperature: 0, on_error: spare", "temperature: 0"])
def test_a_stream_that_breaks_off_is_stood_in_for_or_told(
    more: str, handbook_index: Path, tmp_path: Path
) -> None:
    with_spare = "spare" in more
    script = Script(5, ends=False)
    with answering(handbook_index, tmp_path, script, more, SPARE if with_spare else "") as (rag, _):
        if not with_spare:
            seen: list[Event] = []
            stream = _kept(rag.stream(QUESTIONS[0]), seen)
            with pytest.raises(ragkit.StageError, match="'generate'"):
                list(stream)
            assert seen
            assert not any(isinstance(event, Done) for event in seen)
            return
        answer = fold(rag.stream(QUESTIONS[0]))
        assert answer.degraded == ("generate",)
        assert answer.generator == "generate/extractive"


def _kept(events: Iterable[Event], seen: list[Event]) -> Iterator[Event]:
    for event in events:
        seen.append(event)
        yield event
