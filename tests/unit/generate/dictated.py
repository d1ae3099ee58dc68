"""A chat model that streams what a test dictates, cut anywhere, and breaks off where it is told to."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

import anyio

from ragkit.chat import Completion, Delta, Message
from ragkit.errors import ModelError, ModelUnavailableError

Dictate = Callable[[Sequence[Message]], str]
"""What the model writes to a conversation."""


def passages_in(messages: Sequence[Message]) -> list[str]:
    """The passages that `generate/cited` puts before a model, in order."""
    prompt = "\n".join(message.text for message in messages)
    return [body.split("\n", 1)[-1] for body in re.findall(r"<<passage \d+ \w+>>\n([\s\S]*?)\n<<end", prompt)]


class Dictated:
    """Writes `dictate(messages)`; streamed, in pieces of random length with moments between them.

    Args:
        dictate: the text, which depends on nothing but the conversation.
        seed: of the cuts.
        dies_after: pieces after which the stream breaks off, each time; None for never.
        longest: characters of a piece.
        pause_s: the longest moment between two pieces.
    """

    name = "dictated"
    fingerprint = "dictated/1"

    def __init__(
        self,
        dictate: Dictate,
        *,
        seed: int = 0,
        dies_after: int | None = None,
        longest: int = 12,
        pause_s: float = 0.0,
    ) -> None:
        self.dictate = dictate
        self.rng = random.Random(seed)
        self.dies_after, self.longest, self.pause_s = dies_after, longest, pause_s
        self.open = self.asked = 0

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Completion:
        self.asked += 1
        if self.dies_after is not None:
            raise ModelUnavailableError("dictated: broke off")
        return self._done(messages)

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[Delta | Completion, None]:
        self.asked += 1
        self.open += 1
        try:
            done = self._done(messages)
            at = n_pieces = 0
            while at < len(done.text):
                if n_pieces == self.dies_after:
                    raise ModelUnavailableError("dictated: broke off")
                end = at + self.rng.randint(1, self.longest)
                yield Delta(done.text[at:end])
                await anyio.sleep(self.rng.uniform(0, self.pause_s))
                at, n_pieces = end, n_pieces + 1
            if self.dies_after is not None:
                raise ModelUnavailableError("dictated: broke off")
            yield done
        finally:
            self.open -= 1

    def _done(self, messages: Sequence[Message]) -> Completion:
        if not messages:
            raise ModelError("nothing was asked")
        text = self.dictate(messages)
        return Completion(
            text, model="dictated-1", finish_reason="stop", input_tokens=90, output_tokens=9, usd=0.001
        )
