"""A node's share in its run's budget, found by the chat models that are asked for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Literal

from ragkit.chat import Completion
from ragkit.errors import ModelError
from ragkit.graph.budget import Ledger
from ragkit.graph.tenant_budget import Amount
from ragkit.models.attempts import Spent

Tight = Literal["time", "money"]


@dataclass(slots=True)
class Meter:
    """What one node may take, and has taken. A stage has it as `ctx.budget`.

    Args:
        ledger: of the run.
        node: its name.
        value: what the node works on.
        until: when its work must be done, on the clock of `time.monotonic()`; infinite for no limit.
        tight: what the node is short of before it has begun, so that it must make do with less.
        degrade: says in the answer what is done without.
        tokenizer: of the models, for exact counts; None counts on the safe side.
    """

    ledger: Ledger
    node: str
    value: object
    degrade: Callable[[str], None] = field(kw_only=True)
    until: float = field(default=math.inf, kw_only=True)
    tight: Tight | None = field(default=None, kw_only=True)
    tokenizer: Path | None = field(default=None, kw_only=True)
    took: Amount = field(default_factory=Amount, kw_only=True)

    def time_left(self) -> float:
        """Seconds that the node has left; infinite for no limit."""
        return self.until - monotonic()

    def settle(self, hold: int | None, outcome: Completion | ModelError) -> None:
        """Enters a call that has ended, see `Ledger.settle`."""
        self.ledger.settle(hold, outcome)
        one = Spent().after(outcome)
        self.took = self.took.plus(Amount(one.tokens or 0, one.usd or 0.0))


_current: ContextVar[Meter | None] = ContextVar("ragkit_meter", default=None)


def current_meter() -> Meter | None:
    """That of the node which is running in this task or thread; None outside of a run with a budget."""
    return _current.get()


def enter(meter: Meter | None) -> None:
    """Makes it the current one of this task or thread, and of all that it starts from now on."""
    _current.set(meter)
