"""The question to a chat model for an answer, whose reply is told while it comes to those who may see it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing, suppress
from typing import Protocol

from ragkit.chat import ChatModel, Completion, Delta, Message
from ragkit.errors import InvalidOutputError, ModelError
from ragkit.generate.arriving import Arriving
from ragkit.generate.reply import read_reply
from ragkit.graph.stage import RunContext
from ragkit.graph.writing import Writing, writing
from ragkit.types import Answer, Usage


class Limits(Protocol):
    """What a stage says of the reply."""

    max_tokens: int
    temperature: float


async def asked(
    model: ChatModel, messages: Sequence[Message], draft: Answer, limits: Limits, ctx: RunContext
) -> Completion:
    """What a model replies.

    Args:
        draft: the answer without its text.
        limits: the stage's settings.
        ctx: of the run; who listens to it hears the reply as it comes, and its price.

    Raises:
        ModelError: see `ragkit.chat.ChatModel`.
    """
    async with writing(ctx, draft) as told:
        if told is None:
            done = await model.complete(
                messages, max_tokens=limits.max_tokens, temperature=limits.temperature
            )
        else:
            done = await _streamed(model, messages, limits, told)
    ctx.spend(usage_of(done))
    return done


def usage_of(done: Completion) -> Usage:
    """What a call took."""
    return Usage(input_tokens=done.input_tokens, output_tokens=done.output_tokens, usd=done.usd)


async def _streamed(
    model: ChatModel, messages: Sequence[Message], limits: Limits, told: Writing
) -> Completion:
    arriving = Arriving()
    events = model.stream(messages, max_tokens=limits.max_tokens, temperature=limits.temperature)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Delta):
                told.write(arriving.take(event.text))
                continue
            with suppress(InvalidOutputError):  # of which the stage will tell
                told.write(arriving.rest(read_reply(event).text))
            return event
    raise ModelError(f"{model.name}: its stream ended without a completion, against the protocol of a model")
