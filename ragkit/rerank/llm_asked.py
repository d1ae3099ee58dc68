"""The calls of a chat model for one ranking: what it replied, what went wrong, and what all of it took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ragkit.chat import ChatModel, Completion, Message
from ragkit.errors import BudgetError, ModelError
from ragkit.graph.asking import AskingSettings
from ragkit.graph.stage import RunContext
from ragkit.types import Hit

Messages = Callable[[Sequence[Hit]], tuple[Message, ...]]

_LONGEST_WHY = 200


class Asked:
    """Asks a model about hits and keeps count. A failure is kept, not raised.

    After a call that failed no other one is begun: the next would most likely fail too, and cost as much
    time. A reply that cannot be used is a loss of this call alone.

    Args:
        model: who is asked.
        settings: the stage's.
        messages: what is said for some hits.
        schema: JSON Schema of the reply.
    """

    def __init__(
        self, model: ChatModel, settings: AskingSettings, messages: Messages, schema: Mapping[str, Any]
    ) -> None:
        self.failure: ModelError | BudgetError | None = None
        self.n_used = 0
        self.n_repaired = 0
        self._model, self._settings, self._messages, self._schema = model, settings, messages, schema
        self._replies: list[Completion] = []
        self._problems: list[str] = []
        self._n_calls = 0

    async def reply(self, hits: Sequence[Hit]) -> Completion | None:
        """What the model says of these hits; None where it fails, or failed before."""
        if self.failure is not None:
            return None
        self._n_calls += 1
        try:
            done = await self._model.complete(
                self._messages(hits),
                max_tokens=self._settings.max_tokens,
                temperature=self._settings.temperature,
                schema=self._schema,
            )
        except (ModelError, BudgetError) as e:
            if self.failure is None:
                self.failure = e
            return None
        self._replies.append(done)
        return done

    def used(self, *, is_repaired: bool = False) -> None:
        """Counts a reply that was used, and whether something was missing, twice or made up in it."""
        self.n_used += 1
        self.n_repaired += is_repaired

    def refused(self, done: Completion, why: str) -> None:
        """Counts a reply that could not be used."""
        self._problems.append(f"{done.model}: {why}")

    def told(self, ctx: RunContext) -> None:
        """Tells the trace what the calls took, and the answer what went wrong.

        Raises:
            BudgetError: nothing could be paid. The graph says what is done without, and learns from it.
        """
        done = self._replies
        ctx.note(
            calls=self._n_calls,
            replies_used=self.n_used,
            replies_repaired=self.n_repaired,
            model=done[0].model if done else self._model.name,
            input_tokens=_sum([one.input_tokens for one in done]),
            output_tokens=_sum([one.output_tokens for one in done]),
            usd=_sum([one.usd for one in done]),
        )
        if isinstance(self.failure, BudgetError) and not self.n_used:
            raise self.failure
        problems = self._problems if self.failure is None else [_named(self.failure), *self._problems]
        if problems:
            kept = "a part of the order" if self.n_used else "the order"
            why = " ".join(problems[0].split())[:_LONGEST_WHY]
            ctx.degrade(f"{ctx.trace.node}: left {kept} as it was: {why}")


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None
