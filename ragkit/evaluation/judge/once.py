"""Asking once: from the cache or the model, and a count of what it took."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio

from ragkit.chat import Completion
from ragkit.evaluation.judge.cache import ReplyCache
from ragkit.evaluation.judge.verdict import total


@dataclass
class Tally:
    """What calls took. A call that failed took nobody knows what.

    >>> tally = Tally()
    >>> tally.add(Completion("yes", model="m", finish_reason="stop", input_tokens=7), is_cached=False)
    >>> tally.calls, tally.input_tokens, tally.usd
    (1, 7, None)
    """

    calls: int = 0
    cached: int = 0
    replies: list[Completion] = field(default_factory=list)

    def add(self, reply: Completion, *, is_cached: bool) -> None:
        """Counts a call that was answered."""
        self.replies.append(reply)
        self.calls += 1
        self.cached += is_cached

    @property
    def input_tokens(self) -> int | None:
        """Of all calls; None where one does not tell."""
        return total([r.input_tokens for r in self.replies]) if self._is_known else None

    @property
    def output_tokens(self) -> int | None:
        """Of all calls; None where one does not tell."""
        return total([r.output_tokens for r in self.replies]) if self._is_known else None

    @property
    def usd(self) -> float | None:
        """Of all calls; None where one does not tell."""
        return total([r.usd for r in self.replies]) if self._is_known else None

    @property
    def _is_known(self) -> bool:
        return len(self.replies) == self.calls


@dataclass
class Once:
    """Gives each question's reply from a cache, or asks for it. Two who ask at one time wait for one reply.

    Example:
        reply = await Once(cache).reply(key, lambda: model.complete(messages), tally)
    """

    cache: ReplyCache
    _locks: dict[str, anyio.Lock] = field(default_factory=dict, init=False, repr=False)

    async def reply(self, key: str, ask: Callable[[], Awaitable[Completion]], tally: Tally) -> Completion:
        """The reply that is kept under a key; else what `ask` gives, which is then kept."""
        async with self._locks.setdefault(key, anyio.Lock()):
            kept = self.cache.get(key)
            if kept is not None:
                tally.add(kept, is_cached=True)
                return kept
            try:
                reply = await ask()
            except BaseException:
                tally.calls += 1
                raise
            self.cache.put(key, reply)
            tally.add(reply, is_cached=False)
            return reply
