"""A chat model with a cache before it, for whoever asks through other hands than a judge's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ragkit.chat import ChatModel, Completion, Delta, Message
from ragkit.evaluation.judge.cache import ReplyCache, reply_key
from ragkit.evaluation.judge.once import Once, Tally

_asked_before: ContextVar[Counter[str]] = ContextVar("asked_before")


def begin() -> None:
    """From here on, in this task, the first time that something is asked is the first."""
    _asked_before.set(Counter())


@dataclass
class CachedChat:
    """Asks a model once for the same thing, and keeps count of it.

    After `begin`, the n-th time that a task asks the same is kept apart from the times before: who asks three
    times wants three answers, as a metric that takes the mean of several.

    >>> from ragkit.models.replay import ReplayChat
    >>> CachedChat(ReplayChat(folder="cassettes"), ReplyCache(":memory:")).tally.calls
    0
    """

    model: ChatModel
    cache: ReplyCache
    tally: Tally = field(default_factory=Tally)
    _once: Once = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._once = Once(self.cache)

    @property
    def name(self) -> str:
        """The model's."""
        return self.model.name

    @property
    def fingerprint(self) -> str:
        """The model's."""
        return self.model.fingerprint

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Completion:
        """The kept answer, or the model's, which is then kept."""
        shaping = json.dumps([max_tokens, temperature, schema], sort_keys=True)

        async def ask() -> Completion:
            return await self.model.complete(
                messages, max_tokens=max_tokens, temperature=temperature, schema=schema, timeout_s=timeout_s
            )

        key = reply_key(self.model, shaping, messages)
        before = _asked_before.get(Counter())
        before[key] += 1
        if before[key] > 1:
            key = f"{key}/{before[key]}"
        return await self._once.reply(key, ask, self.tally)

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[Delta | Completion, None]:
        """The model's own stream; it is not kept."""
        events = self.model.stream(
            messages, max_tokens=max_tokens, temperature=temperature, schema=schema, timeout_s=timeout_s
        )
        async with aclosing(events):
            async for event in events:
                yield event
