"""A chat model that a rule speaks for, with faults on demand."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

import anyio

from ragkit.chat import Completion, Delta, FinishReason, Message
from ragkit.errors import ModelError

Rule = Callable[[Sequence[Message]], str | ModelError]


class ScriptedChat:
    """Says what a rule makes of the messages; `asked` holds all that it was asked."""

    name = "scripted"

    def __init__(self, rule: Rule, *, reason: FinishReason = "stop", fingerprint: str = "scripted") -> None:
        self.rule, self.reason, self.fingerprint = rule, reason, fingerprint
        self.asked: list[Sequence[Message]] = []
        self.at_once = self.most_at_once = 0

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Completion:
        self.asked.append(messages)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await anyio.lowlevel.checkpoint()
        self.at_once -= 1
        said = self.rule(messages)
        if isinstance(said, ModelError):
            raise said
        return Completion(
            said, model="scripted", finish_reason=self.reason, input_tokens=100, output_tokens=10, usd=0.001
        )

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[Delta | Completion, None]:
        done = await self.complete(messages)
        yield Delta(done.text)
        yield done


def says(verdict: str, reason: str = "so") -> str:
    return json.dumps({"reason": reason, "verdict": verdict})


def material(messages: Sequence[Message], place: str) -> str:
    """What stands between the fences of a place of one of our rubrics."""
    text = messages[1].text
    found = re.search(rf"(<<\w+>>) {place}\n(.*?)\n\1 end", text, re.DOTALL)
    assert found is not None, text
    return found[2]


def by_words(messages: Sequence[Message]) -> str:
    """Right where an accepted answer is in the answer, partly where one of its words is."""
    answer = material(messages, "answer").lower()
    gold = material(messages, "reference").lower().splitlines()
    if any(line in answer for line in gold):
        return says("yes")
    return says("partly" if any(word in answer for line in gold for word in line.split()) else "no")
