"""A chat model whose calls are entered in the budget of the run that asks it, and kept within that."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from time import monotonic
from typing import Any

from ragkit.chat import ChatModel, Completion, Delta, Message
from ragkit.errors import BudgetError, ModelError, ModelTimeoutError
from ragkit.graph.meter import Meter, current_meter
from ragkit.graph.pace import Smoothed
from ragkit.graph.tenant_budget import Amount
from ragkit.graph.threads import in_thread
from ragkit.models.price import Price
from ragkit.models.token_count import counter, prompt_tokens

# Fewer tokens hold no sentence with its marker; rather than so short an answer, a shorter question is asked.
USEFUL_TOKENS = 200
# What an answer may have where neither the caller nor the model says.
MOST_TOKENS = 1024
# A call that ended so near to its limit was ended by it.
_NEAR_S = 0.05


def metered(model: ChatModel) -> ChatModel:
    """The model with its calls counted, once; one that counts the calls of its parts stays as it is.

    Outside of a run with a budget nothing changes.
    """
    if isinstance(model, Metered) or getattr(model, "counts_parts", False):
        return model
    return Metered(model)


def price_of(model: ChatModel) -> Price | None:
    """What its tokens cost, where it is configured."""
    bare = model.bare if isinstance(model, Metered) else model
    price = getattr(getattr(bare, "config", None), "price", None)
    return price if isinstance(price, Price) else None


class Metered:
    """A chat model in the budget of whoever asks it.

    Before a call what it can take at the most is set aside, its `max_tokens` and `timeout_s` are lowered to
    what is left, and it is refused with `BudgetError` where that is too little; nothing is sent then. After
    it, whatever came of it, what it took is entered.

    Example:
        Metered(OpenAIChat(base_url="http://localhost:8000/v1", model="qwen3-8b"))
    """

    def __init__(self, model: ChatModel) -> None:
        self.bare = model
        self.seconds = Smoothed()

    @property
    def name(self) -> str:
        """That of the model."""
        return self.bare.name

    @property
    def fingerprint(self) -> str:
        """That of the model: it says the same, counted or not."""
        return self.bare.fingerprint

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> Completion:
        """The answer, see `ragkit.chat.ChatModel`.

        Raises:
            BudgetError: nothing, or too little, is left for the call.
        """
        call = await _begun(self.bare, messages, max_tokens, timeout_s)
        start = monotonic()
        outcome: Completion | ModelError = _stopped()
        try:
            outcome = await self.bare.complete(
                messages,
                max_tokens=call.max_tokens,
                temperature=temperature,
                schema=schema,
                timeout_s=call.timeout_s,
            )
            self.seconds.add(monotonic() - start)
            return outcome
        except ModelError as error:
            outcome = error
            call.refuse_late(error)
            raise
        finally:
            call.settle(outcome)

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        schema: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[Delta | Completion, None]:
        """The pieces, then the completion, see `ragkit.chat.ChatModel`.

        Raises:
            BudgetError: nothing, or too little, is left for the call.
        """
        call = await _begun(self.bare, messages, max_tokens, timeout_s)
        start, has_begun = monotonic(), False
        outcome: Completion | ModelError = _stopped()
        events = self.bare.stream(
            messages,
            max_tokens=call.max_tokens,
            temperature=temperature,
            schema=schema,
            timeout_s=call.timeout_s,
        )
        try:
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, Completion):
                        outcome = event
                        self.seconds.add(monotonic() - start)
                    has_begun = True
                    yield event
        except ModelError as error:
            # What breaks off after text came has been worked on, whatever the error says.
            outcome = outcome if has_begun else error
            call.refuse_late(error)
            raise
        finally:
            call.settle(outcome)


class _Call:
    """A call with what it may take. `meter` is None outside of a run with a budget."""

    def __init__(self, meter: Meter | None, max_tokens: int | None, timeout_s: float | None) -> None:
        self.max_tokens, self.timeout_s = max_tokens, timeout_s
        self._meter = meter
        self._hold: int | None = None
        self._wanted = MOST_TOKENS if max_tokens is None else max_tokens

    async def enter(self, model: ChatModel, messages: Sequence[Message]) -> None:
        """Sets aside what the call may take."""
        meter = self._meter
        if meter is None:
            return
        config = getattr(model, "config", None)
        if meter.until < math.inf:
            own = [limit for limit in (self.timeout_s, getattr(config, "timeout_s", None)) if limit]
            self.timeout_s = min(meter.time_left(), *own[:1], math.inf)
            if self.timeout_s <= 0:
                raise BudgetError(f"{meter.node}: there is no time left to ask {model.name}. {_MORE}")
        if meter.ledger.counts:
            own_most = getattr(config, "max_tokens", None)
            if self.max_tokens is None and isinstance(own_most, int):
                self._wanted = own_most
            prompt = await in_thread(lambda: prompt_tokens(messages, counter(meter.tokenizer)))
            fit = partial(self._fit, meter.node, model.name, prompt, price_of(model))
            self._hold = meter.ledger.hold(fit)

    def _fit(self, node: str, name: str, prompt: int, price: Price | None, left: Amount) -> Amount:
        """The most that the call takes, with `max_tokens` lowered to what is left."""
        least = min(self._wanted, USEFUL_TOKENS)
        over = prompt + least - left.tokens
        room = left.tokens - prompt
        if left.usd < math.inf:
            if price is None:
                over = max(over, 0.0 if left.usd > 0 else math.inf)
            else:
                short = (prompt * price.input + least * price.output) - left.usd * 1e6
                over = max(over, short / price.input if price.input else math.copysign(math.inf, short))
                if price.output:
                    room = min(room, (left.usd * 1e6 - prompt * price.input) / price.output)
        if over > 0:
            raise BudgetError(
                f"{node}: {name} was not asked: about {prompt:,} tokens, and {least:,} for what it writes, "
                f"are more than the budget has left ({_shown(left)}). {_MORE}",
                over_tokens=math.ceil(over) if over < prompt else None,
            )
        most = min(self._wanted, math.floor(min(room, self._wanted)))
        if most < self._wanted:
            self.max_tokens = most
        return Amount(
            prompt + most, math.inf if price is None else (prompt * price.input + most * price.output) / 1e6
        )

    def refuse_late(self, error: ModelError) -> None:
        """Raises BudgetError in place of an error that only says that the run's time was up."""
        meter = self._meter
        if meter is not None and isinstance(error, ModelTimeoutError) and meter.time_left() < _NEAR_S:
            raise BudgetError(f"{meter.node}: the time was up before the answer came: {error}") from error

    def settle(self, outcome: Completion | ModelError) -> None:
        """Enters what came of it."""
        meter = self._meter
        if meter is None:
            return
        meter.settle(self._hold, outcome)
        was_lowered = self.max_tokens is not None and self.max_tokens < self._wanted
        if was_lowered and isinstance(outcome, Completion) and outcome.finish_reason == "length":
            meter.degrade(f"budget: {meter.node} cut at {self.max_tokens} tokens")


_MORE = "Raise the limits under budget:, or send fewer passages (context_tokens)"


async def _begun(
    model: ChatModel, messages: Sequence[Message], max_tokens: int | None, timeout_s: float | None
) -> _Call:
    call = _Call(current_meter(), max_tokens, timeout_s)
    await call.enter(model, messages)
    return call


def _stopped() -> ModelError:
    """Stands for a call that was given up: it may have taken anything."""
    return ModelError("the call was stopped")


def _shown(left: Amount) -> str:
    parts = []
    if left.tokens < math.inf:
        parts.append(f"{max(0, math.floor(left.tokens)):,} tokens")
    if left.usd < math.inf:
        known = left.usd > -math.inf
        parts.append(f"${max(0.0, left.usd):.6f}" if known else "no money that is known of")
    return ", ".join(parts)
