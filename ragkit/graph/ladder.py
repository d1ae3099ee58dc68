"""What is done without where a run's budget runs short, one thing after the other.

1. Optional nodes are skipped where what is left is less than they and all that follows usually take.
2. `llm/route` asks a faster or cheaper tier first.
3. The node that writes gets fewer passages.
4. Another node writes in its place, without a model.

Each is told in `answer.degraded`. What nodes usually take is measured (`ragkit.graph.pace`); before it is
known, nothing is skipped. A run that must degrade never gives "no information" for it: where no rung is left,
it is an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ragkit.errors import BudgetError
from ragkit.graph.budget import Ledger
from ragkit.graph.pace import Pace
from ragkit.graph.stage import RunContext, Stage
from ragkit.types import Context

if TYPE_CHECKING:
    from ragkit.graph.meter import Tight
    from ragkit.graph.state import RunState
    from ragkit.graph.step import Step

# Kept back for what follows a node, of the whole time, before it is known what that usually takes.
KEPT_SHARE, MOST_KEPT_S = 0.2, 2.0
MOST_SHORTENINGS = 2

Shorten = Callable[[Stage[Any, Any], Context, int], Context | None]
"""The context with so many tokens less, for a stage that writes; None where too little would be left."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """What a graph can do without.

    Args:
        spared: nodes that may be skipped; each gives what it takes.
        writers: nodes that write from passages, by name, each with the stage that writes in its place when
            nothing else is left, or None.
        shorten: gives such a node fewer passages.
        tokenizer: of the chat models, for exact counts.
    """

    spared: frozenset[str] = frozenset()
    writers: Mapping[str, Stage[Any, Any] | None] = field(default_factory=dict)
    shorten: Shorten | None = None
    tokenizer: Path | None = None


class Rung:
    """What one node does where the budget runs short.

    Args:
        name: of the node.
        pace: of the graph.
        shorten: gives it fewer passages; None where it may be skipped.
        last: writes in its place.
    """

    def __init__(
        self, name: str, pace: Pace, *, shorten: Shorten | None = None, last: Step | None = None
    ) -> None:
        self._name, self._pace = name, pace
        self._shorten, self._last = shorten, last

    def is_skipped(self, ledger: Ledger) -> bool:
        """Whether the node is not even begun."""
        if self._shorten is not None or not self._is_short(ledger):
            return False
        self._pace.skipped(self._name)
        return True

    def tight(self, ledger: Ledger) -> Tight | None:
        """What the node is short of before it begins."""
        own = self._pace.of(self._name)
        if ledger.time_left() < own.seconds + self._rest(ledger):
            return "time"
        return "money" if ledger.left.usd < own.usd else None

    def until(self, ledger: Ledger) -> float:
        """When the node must be done, so that what follows has the time that it usually takes."""
        return math.inf if ledger.deadline is None else ledger.deadline - self._rest(ledger)

    async def attempt(self, step: Step, value: Any, ctx: RunContext) -> Any:
        """What the node gives, with fewer passages where it takes more tokens than are left."""
        shortenings = 0
        while True:
            try:
                result = await step.limited(value, ctx)
            except BudgetError as error:
                shorter = self._shorter(step, value, error)
                if shorter is None or shortenings == MOST_SHORTENINGS:
                    raise
                value, shortenings = shorter, shortenings + 1
                continue
            if shortenings:
                ctx.degrade(f"budget: {self._name} with fewer passages")
            return result

    async def instead(self, value: Any, error: BudgetError, ctx: RunContext, state: RunState) -> Any:
        """What goes on in place of what the node could not give."""
        if ctx.budget is not None and ctx.budget.time_left() <= 0:
            # It took all the time that it had, and would again.
            self._pace.gave_up(self._name, perf_counter() - ctx.trace.start_s)
        if self._shorten is None:
            state.degrade(f"budget: {self._name} skipped")
            return value
        if self._last is None:
            raise error
        state.degrade(f"budget: {self._name} replaced by an extractive answer")
        try:
            return await self._last.perform(value, state)
        except Exception as e:
            e.add_note(f"it stood in for {self._name!r}, for which the budget did not suffice: {error}")
            raise

    def _shorter(self, step: Step, value: Any, error: BudgetError) -> Context | None:
        if self._shorten is None or not error.over_tokens or not isinstance(value, Context):
            return None
        return self._shorten(step.node.stage, value, error.over_tokens)

    def _is_short(self, ledger: Ledger) -> bool:
        own, rest, left = self._pace.of(self._name), self._pace.after(self._name), ledger.left
        return (
            ledger.time_left() < own.seconds + rest.seconds
            or left.tokens < own.tokens + rest.tokens
            or left.usd < own.usd + rest.usd
        )

    def _rest(self, ledger: Ledger) -> float:
        """Seconds for what follows, the node in its place included."""
        rest = self._pace.after(self._name).seconds
        if self._last is not None:
            rest += self._pace.of(self._last.name).seconds
        return max(rest, min(MOST_KEPT_S, KEPT_SHARE * (ledger.limits.wall_s or 0.0)))
