"""What each tenant may take within a time, counted in this process.

The count is of this process alone and starts anew with it: two processes that serve the same tenant give it
twice the budget. A limit across processes belongs into a gateway in front of the models.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from weakref import WeakValueDictionary

# The window slides in steps of this share of it; a step leaves it as a whole.
STEPS = 96


@dataclass(frozen=True, slots=True)
class Amount:
    """Tokens, sent and received, and US dollars. Infinite where nothing bounds them."""

    tokens: float = 0.0
    usd: float = 0.0

    def plus(self, other: Amount) -> Amount:
        """The sum.

        >>> Amount(10).plus(Amount(5, 0.01))
        Amount(tokens=15, usd=0.01)
        """
        return Amount(self.tokens + other.tokens, self.usd + other.usd)


def left_of(limit: float | None, taken: float) -> float:
    """What a limit leaves; infinite where there is none.

    >>> left_of(10, 4), left_of(None, math.inf)
    (6, inf)
    """
    return math.inf if limit is None else limit - taken


@dataclass(frozen=True, slots=True)
class TenantLimits:
    """The most that a tenant may take within any `window_s` seconds; None for no limit."""

    tokens: int | None = None
    usd: float | None = field(default=None, kw_only=True)
    window_s: float = field(default=86_400.0, kw_only=True)


class Account:
    """What one tenant has taken in the window. Its lock is held by whoever calls its methods."""

    def __init__(self, tenant: str, limits: TenantLimits, clock: Callable[[], float]) -> None:
        self.tenant = tenant
        self.limits = limits
        self.lock = Lock()
        self._clock = clock
        self._steps: deque[tuple[int, Amount]] = deque()
        self._held: list[Amount] = []

    @property
    def is_idle(self) -> bool:
        """Whether nothing is held or was taken within the window."""
        self._slide()
        return not self._steps and not self._held

    def left(self) -> Amount:
        """What is neither taken nor held."""
        self._slide()
        taken = [amount for _, amount in self._steps] + self._held
        return Amount(
            left_of(self.limits.tokens, sum(amount.tokens for amount in taken)),
            left_of(self.limits.usd, sum(amount.usd for amount in taken)),
        )

    def hold(self, most: Amount) -> None:
        """Sets aside what a call may take."""
        self._held.append(most)

    def settle(self, held: Amount, took: Amount) -> None:
        """Enters what a call took, in place of what was held for it."""
        self._held.remove(held)
        step = self._step()
        if self._steps and self._steps[-1][0] == step:
            self._steps[-1] = (step, self._steps[-1][1].plus(took))
        else:
            self._steps.append((step, took))

    def _step(self) -> int:
        return int(self._clock() / (self.limits.window_s / STEPS))

    def _slide(self) -> None:
        # A step stays until all of it is older than the window.
        oldest = self._step() - STEPS
        while self._steps and self._steps[0][0] < oldest:
            self._steps.popleft()


class TenantBudget:
    """The accounts of all tenants. Of one that took nothing within the window, nothing is kept.

    Args:
        limits: of each tenant.
        clock: seconds, never going back.

    >>> budget = TenantBudget(TenantLimits(tokens=1000))
    >>> budget.account("acme").left().tokens
    1000
    """

    def __init__(self, limits: TenantLimits, *, clock: Callable[[], float] = monotonic) -> None:
        self.limits = limits
        self._clock = clock
        self._accounts: OrderedDict[str, Account] = OrderedDict()
        # One that a run has still in its hand must not be made a second time.
        self._in_use: WeakValueDictionary[str, Account] = WeakValueDictionary()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._accounts)

    def account(self, tenant: str | None) -> Account:
        """The account of a tenant; that of None is for all questions without one."""
        key = tenant or ""
        with self._lock:
            if key not in self._accounts:
                self._drop_idle()
            found = self._in_use.get(key) or Account(key, self.limits, self._clock)
            self._in_use[key] = self._accounts[key] = found
            self._accounts.move_to_end(key)
            return found

    def _drop_idle(self) -> None:
        """Drops the longest unused accounts, as far as they are idle."""
        for key, account in list(self._accounts.items())[:2]:
            with account.lock:
                if account.is_idle:
                    del self._accounts[key]
