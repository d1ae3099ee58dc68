"""A chat model that says what a test lets it say, and keeps what it was asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from ragkit.chat import Completion, Delta, Message
from ragkit.errors import ModelError


class Scripted:
    """Gives each reply once, the last one for ever; an error is raised."""

    name = "scripted"
    fingerprint = "scripted/1"

    def __init__(self, *replies: str | Completion | ModelError) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[Message, ...]] = []
        self.options: list[dict[str, Any]] = []

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Completion:
        self.asked.append(tuple(messages))
        self.options.append(
            {"max_tokens": max_tokens, "temperature": temperature, "schema": schema, "timeout_s": timeout_s}
        )
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, ModelError):
            raise reply
        if isinstance(reply, Completion):
            return reply
        return Completion(
            reply, model="scripted-1", finish_reason="stop", input_tokens=90, output_tokens=9, usd=0.001
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
        done = await self.complete(messages, max_tokens=max_tokens, temperature=temperature, schema=schema)
        yield Delta(done.text)
        yield done
