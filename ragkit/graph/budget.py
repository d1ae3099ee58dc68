"""What one question may take and has taken: time, tokens, money. Every call of a chat model is entered here.

A call is held before it is made, with the most that it can take, and settled after it, with what it took; so
calls that run at the same time never share what is left.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Literal

from ragkit.chat import Completion
from ragkit.errors import ModelError
from ragkit.graph.tenant_budget import Account, Amount, left_of
from ragkit.models.attempts import Spent
from ragkit.types import Usage

OnExceed = Literal["degrade", "fail"]

Fit = Callable[[Amount], Amount]
"""Given what is left, the most that a call may take; raises BudgetError where it cannot be made for that."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a question may take; None for no limit. What then happens, see `ragkit.graph.ladder`.

    >>> Limits(tokens=6000).on_exceed
    'degrade'
    """

    wall_s: float | None = None
    tokens: int | None = field(default=None, kw_only=True)
    usd: float | None = field(default=None, kw_only=True)
    on_exceed: OnExceed = field(default="degrade", kw_only=True)


class Ledger:
    """The account of one run, begun when it is made. Its methods may be called from any thread.

    Args:
        limits: of this question; without any it only counts.
        account: what the tenant has left, where tenants have a budget.

    >>> ledger = Ledger(Limits(tokens=1000))
    >>> hold = ledger.hold(lambda left: Amount(tokens=900))
    >>> ledger.left.tokens
    100.0
    >>> done = Completion("Two years.", model="m", finish_reason="stop", input_tokens=300, output_tokens=5)
    >>> ledger.settle(hold, done)
    >>> ledger.left.tokens, ledger.usage(Usage()).input_tokens
    (695.0, 300)
    """

    def __init__(self, limits: Limits | None = None, *, account: Account | None = None) -> None:
        self.limits = limits or Limits()
        self.deadline = None if self.limits.wall_s is None else monotonic() + self.limits.wall_s
        self._account = account
        self._lock = Lock()
        self._spent = Spent()
        self._charged = Amount()
        self._held: dict[int, Amount] = {}
        self._n_holds = 0

    @property
    def counts(self) -> bool:
        """Whether anything limits tokens or money, so that calls have to be estimated."""
        limits = self.limits
        return limits.tokens is not None or limits.usd is not None or self._account is not None

    @property
    def degrades(self) -> bool:
        """Whether less is done where something runs short, instead of failing."""
        return self.limits.on_exceed == "degrade" and (self.deadline is not None or self.counts)

    @property
    def left(self) -> Amount:
        """What is neither charged nor held; below 0 where a call took more than was thought."""
        with self._lock, self._account_lock():
            return self._left()

    def time_left(self) -> float:
        """Seconds to the deadline; infinite where there is none."""
        return math.inf if self.deadline is None else self.deadline - monotonic()

    def hold(self, fit: Fit) -> int:
        """Sets aside what a call may take at the most, as `fit` says for what is left; gives its number.

        Raises:
            BudgetError: as `fit` raised it; nothing is held then.
        """
        with self._lock, self._account_lock():
            most = fit(self._left())
            self._n_holds += 1
            self._held[self._n_holds] = most
            if self._account is not None:
                self._account.hold(most)
            return self._n_holds

    def settle(self, hold: int | None, outcome: Completion | ModelError) -> None:
        """Enters a call that has ended.

        What an outcome does not tell is charged as it was held, at the most that it can have been, and is
        unknown in `usage`.

        Args:
            hold: what `hold` gave, or None where nothing was set aside.
            outcome: the completion, or how the call failed.
        """
        with self._lock, self._account_lock():
            self._spent = self._spent.after(outcome)
            if hold is None:
                return
            held, one = self._held.pop(hold), Spent().after(outcome)
            took = Amount(
                held.tokens if one.tokens is None else one.tokens,
                held.usd if one.usd is None else one.usd,
            )
            self._charged = self._charged.plus(took)
            if self._account is not None:
                self._account.settle(held, took)

    def usage(self, told: Usage) -> Usage:
        """What all calls took together; `told`, as the generator says, where none was entered."""
        spent = self._spent
        if not spent.attempts:
            return told
        return Usage(
            told.seconds, input_tokens=spent.input_tokens, output_tokens=spent.output_tokens, usd=spent.usd
        )

    def _left(self) -> Amount:
        taken = [self._charged, *self._held.values()]
        left = Amount(
            left_of(self.limits.tokens, sum(amount.tokens for amount in taken)),
            left_of(self.limits.usd, sum(amount.usd for amount in taken)),
        )
        if self._account is None:
            return left
        of_tenant = self._account.left()
        return Amount(min(left.tokens, of_tenant.tokens), min(left.usd, of_tenant.usd))

    def _account_lock(self) -> AbstractContextManager[object]:
        return nullcontext() if self._account is None else self._account.lock
