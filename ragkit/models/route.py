"""`llm/route`: several chat models in turn, the next where one does not answer, the first by difficulty."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, ClassVar, Literal

from pydantic import Field

from ragkit.chat import ChatModel, Completion, Delta, Message
from ragkit.errors import (
    BudgetError,
    ConfigError,
    ContextTooLongError,
    InvalidOutputError,
    ModelError,
    ModelTimeoutError,
    ModelUnavailableError,
    RateLimitError,
)
from ragkit.graph.meter import current_meter
from ragkit.models.attempts import Spent
from ragkit.models.difficulty import difficulty_of
from ragkit.models.json_schema import json_problem
from ragkit.models.metered import metered
from ragkit.models.schema_support import schema_problem
from ragkit.models.tiers import cheaper, cheapest, fastest
from ragkit.settings import ChatModelRef, Settings

Cause = Literal["timeout", "rate_limit", "unavailable", "invalid_output", "content_filter", "too_long"]


class RouteChat:
    """Asks the first tier, and the next one where that fails for a cause in `fallback_on`.

    An output is invalid where it is empty, or is not JSON of the schema that was asked for. What the last
    tier gives is given as it is. Tokens and cost are those of all attempts; a cost that is not known of one
    attempt is not known of the sum. A stream goes over to the next tier only before its first piece.

    With `by: difficulty` a question that looks hard begins further up, see `ragkit.models.difficulty`; the
    tiers below the first one are then asked last. Where a run is short of time it begins with the fastest
    tier, where it is short of money with the cheapest; one that it cannot pay gives way to a cheaper one.

    Example:
        RouteChat(tiers=[OpenAIChat(base_url="…", model="small"), OpenAIChat(base_url="…", model="large")])
    """

    class Config(Settings):
        tiers: tuple[ChatModelRef, ...] = Field(
            min_length=1,
            description="Names of chat models under `models:`, in the order they are asked, the "
            "least able first where it is by difficulty.",
        )
        fallback_on: tuple[Cause, ...] = Field(
            ("timeout", "rate_limit", "unavailable", "invalid_output"),
            description="Why the next tier is asked; any other error is raised at once.",
        )
        by: Literal["order", "difficulty"] = Field(
            "order", description="Which tier is asked first: the first, or the one that the question takes."
        )
        tier_timeout_s: float | None = Field(
            None, gt=0.0, description="Seconds for each tier; else its own, or an even share of the call's."
        )

    # Each attempt is entered in a run's budget by the tier that makes it.
    counts_parts: ClassVar[bool] = True

    def __init__(self, **settings: object) -> None:
        self.config = self.Config.checked("llm/route", settings)
        if not all(isinstance(tier, ChatModel) for tier in self.config.tiers):
            raise ConfigError("llm/route: tiers: expected chat models (llm/…)")
        self._tiers: tuple[ChatModel, ...] = tuple(map(metered, self.config.tiers))

    @property
    def name(self) -> str:
        """Those of the tiers."""
        return " → ".join(tier.name for tier in self._tiers)

    @property
    def fingerprint(self) -> str:
        """Those of the tiers, with what makes it go from one to the next."""
        how = ["route", *self.config.fallback_on, *(["difficulty"] if self.config.by == "difficulty" else [])]
        return "|".join([*how, *(tier.fingerprint for tier in self._tiers)])

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Completion:
        """The first answer that holds, see `ragkit.chat.ChatModel`."""
        way = self._way(messages, timeout_s)
        while True:
            try:
                done = await way.tier.complete(
                    messages,
                    max_tokens=max_tokens,
                    temperature=temperature,
                    schema=schema,
                    timeout_s=way.timeout_s(),
                )
            except ModelError as error:
                way.go_on(error)
                continue
            except BudgetError as error:
                way.go_down(error)
                continue
            way.spent = way.spent.after(done)
            if way.takes(done, schema):
                return way.spent.bill(done)

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[Delta | Completion, None]:
        """The pieces of the first tier that begins, see `ragkit.chat.ChatModel`."""
        way, has_begun = self._way(messages, timeout_s), False
        while True:
            events = way.tier.stream(
                messages,
                max_tokens=max_tokens,
                temperature=temperature,
                schema=schema,
                timeout_s=way.timeout_s(),
            )
            try:
                async with aclosing(events):
                    async for event in events:
                        if isinstance(event, Delta):
                            has_begun = True
                            yield event
                            continue
                        way.spent = way.spent.after(event)
                        if has_begun or way.takes(event, None):
                            yield way.spent.bill(event)
                            return
            except ModelError as error:
                if has_begun:
                    raise
                way.go_on(error)
            except BudgetError as error:
                if has_begun:
                    raise
                way.go_down(error)

    def _way(self, messages: Sequence[Message], timeout_s: float | None) -> _Way:
        """The tiers in the order in which they are asked for these messages."""
        meter, tiers = current_meter(), self._tiers
        if self.config.by == "difficulty":
            points = difficulty_of(None if meter is None else meter.value, messages).points
            first = min(points, len(tiers) - 1)
            tiers = (*tiers[first:], *reversed(tiers[:first]))
        if meter is not None and meter.tight is not None:
            least = fastest(tiers) if meter.tight == "time" else cheapest(tiers)
            if least is not tiers[0]:
                meter.degrade(f"budget: {meter.node} by a smaller model ({least.name})")
                tiers = (least, *(tier for tier in tiers if tier is not least))
        if meter is not None and math.isfinite(meter.until):
            timeout_s = min(meter.time_left(), math.inf if timeout_s is None else timeout_s)
        return _Way(tiers, self.config, timeout_s)


class _Way:
    """One call on its way through the tiers."""

    def __init__(self, tiers: Sequence[ChatModel], config: RouteChat.Config, timeout_s: float | None) -> None:
        self.spent = Spent()
        self._tiers, self._config, self._at = tiers, config, 0
        self._until = None if timeout_s is None else time.monotonic() + timeout_s
        self._failures: list[tuple[str, ModelError]] = []

    @property
    def tier(self) -> ChatModel:
        return self._tiers[self._at]

    @property
    def _is_last(self) -> bool:
        return self._at == len(self._tiers) - 1

    def timeout_s(self) -> float | None:
        """How long the tier may take: an even share of what is left, so that each comes to its turn."""
        own = self._config.tier_timeout_s
        if self._until is None:
            return own
        left = max(0.001, self._until - time.monotonic())
        share = left / (len(self._tiers) - self._at)
        return share if own is None else min(own, left)

    def go_on(self, error: ModelError) -> None:
        """Turns to the next tier, or raises."""
        self.spent = self.spent.after(error)
        self._failures.append((self.tier.name, error))
        if _cause(error) not in self._config.fallback_on:
            raise error
        if self._is_last:
            raise self._none_answered() from error
        self._at += 1

    def go_down(self, error: BudgetError) -> None:
        """Turns to a tier that costs less than the one that the run could not pay, or raises."""
        meter, rest = current_meter(), self._tiers[self._at + 1 :]
        less = [tier for tier in rest if cheaper(tier, self.tier)]
        if meter is None or not meter.ledger.degrades or meter.time_left() <= 0 or not less:
            raise error
        meter.degrade(f"budget: {meter.node} by a smaller model ({less[0].name})")
        self._tiers, self._at = less, 0

    def takes(self, done: Completion, schema: Mapping[str, Any] | None) -> bool:
        """Whether a completion is the answer; the next tier is turned to where it is not."""
        causes = self._config.fallback_on
        wrong = (done.finish_reason == "content_filter" and "content_filter" in causes) or (
            "invalid_output" in causes
            and done.finish_reason != "content_filter"
            and (not done.text.strip() or (schema is not None and _breaks(done.text, schema)))
        )
        if not wrong or self._is_last:
            return True
        self._failures.append((self.tier.name, InvalidOutputError("its output does not hold")))
        self._at += 1
        return False

    def _none_answered(self) -> ModelError:
        if len(self._failures) == 1:
            return self._failures[0][1]
        said = "; ".join(f"{name}: {type(error).__name__}: {error}" for name, error in self._failures)
        kinds = {type(error) for _, error in self._failures}
        kind = kinds.pop() if len(kinds) == 1 else ModelUnavailableError
        return kind(f"none of {len(self._tiers)} tiers answered: {said}")


def _breaks(text: str, schema: Mapping[str, Any]) -> bool:
    # Of a schema that cannot be checked here, the one who asks will know.
    return schema_problem(schema) is None and json_problem(text, schema) is not None


def _cause(error: ModelError) -> Cause | None:
    if isinstance(error, ModelTimeoutError):
        return "timeout"
    if isinstance(error, RateLimitError):
        return "rate_limit"
    if isinstance(error, ModelUnavailableError):
        return "unavailable"
    if isinstance(error, InvalidOutputError):
        return "invalid_output"
    return "too_long" if isinstance(error, ContextTooLongError) else None
