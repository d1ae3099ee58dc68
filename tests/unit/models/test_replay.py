"""`llm/replay`: what was asked once is answered again, the same, without the model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from ragkit.chat import ChatModel, Completion, Delta, Message
from ragkit.errors import ConfigError, ModelError, ModelRequestError
from ragkit.models.replay import ReplayChat

ASKED = (Message("user", "Сколько? \ud83d"),)


class Counting:
    """Answers with a number that grows."""

    name = "counting"
    fingerprint = "counting"

    def __init__(self) -> None:
        self.calls = 0

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Completion:
        self.calls += 1
        return Completion(f"№ {self.calls}", model="c", finish_reason="stop", input_tokens=3, usd=0.1)

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[Delta | Completion, None]:
        self.calls += 1
        yield Delta("№ ")
        yield Delta(str(self.calls))
        yield Completion(f"№ {self.calls}", model="c", finish_reason="length")


async def events(model: ChatModel) -> list[Delta | Completion]:
    return [event async for event in model.stream(ASKED)]


def test_a_call_is_recorded_once_and_replayed_without_the_model(tmp_path: Path) -> None:
    model = Counting()
    recording = ReplayChat(folder=tmp_path, mode="record", model=model)
    first = anyio.run(recording.complete, ASKED)
    assert anyio.run(recording.complete, ASKED) == first
    assert model.calls == 1
    assert anyio.run(ReplayChat(folder=tmp_path).complete, ASKED) == first


def test_another_question_or_limit_is_another_recording(tmp_path: Path) -> None:
    model = Counting()
    recording = ReplayChat(folder=tmp_path, mode="record", model=model)

    async def ask() -> set[str]:
        done = [
            await recording.complete(ASKED),
            await recording.complete((Message("system", ASKED[0].text),)),
            await recording.complete(ASKED, max_tokens=5),
            await recording.complete(ASKED, temperature=0.5),
            await recording.complete(ASKED, schema={"type": "object"}),
        ]
        return {completion.text for completion in done}

    assert len(anyio.run(ask)) == model.calls == len(list(tmp_path.glob("*.json"))) == 5


def test_a_stream_is_replayed_in_its_pieces(tmp_path: Path) -> None:
    recorded = anyio.run(events, ReplayChat(folder=tmp_path, mode="record", model=Counting()))
    assert [type(event).__name__ for event in recorded] == ["Delta", "Delta", "Completion"]
    assert anyio.run(events, ReplayChat(folder=tmp_path)) == recorded


def test_a_stream_that_is_left_early_is_not_recorded(tmp_path: Path) -> None:
    async def leave() -> None:
        stream = ReplayChat(folder=tmp_path, mode="record", model=Counting()).stream(ASKED)
        await anext(stream)
        await stream.aclose()

    anyio.run(leave)
    assert not list(tmp_path.iterdir())


def test_what_is_not_recorded_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelRequestError, match="Record it once with mode: record"):
        anyio.run(ReplayChat(folder=tmp_path).complete, ASKED)


def test_a_damaged_recording_is_told(tmp_path: Path) -> None:
    anyio.run(ReplayChat(folder=tmp_path, mode="record", model=Counting()).complete, ASKED)
    next(tmp_path.iterdir()).write_text("{")
    with pytest.raises(ModelError, match="Delete it and record again"):
        anyio.run(ReplayChat(folder=tmp_path).complete, ASKED)


def test_recording_needs_a_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs model"):
        ReplayChat(folder=tmp_path, mode="record")
