"""The budget of a configuration, as accounts for its questions and its tenants."""

from __future__ import annotations

from ragkit.config.budget import BudgetSettings
from ragkit.graph.budget import Ledger, Limits
from ragkit.graph.tenant_budget import TenantBudget, TenantLimits


class Allowance:
    """Opens the account of each question.

    >>> Allowance(BudgetSettings(tokens=6000)).ledger("acme").left.tokens
    6000.0
    """

    def __init__(self, settings: BudgetSettings) -> None:
        self._limits = Limits(
            settings.wall_s, tokens=settings.tokens, usd=settings.usd, on_exceed=settings.on_exceed
        )
        limits = settings.tenant
        self._tenants = (
            None
            if limits is None
            else TenantBudget(TenantLimits(limits.tokens, usd=limits.usd, window_s=limits.window_s))
        )

    def ledger(self, tenant: str | None) -> Ledger:
        """The account of one question, whose time begins now.

        Args:
            tenant: who asks; None counts with all others that name none.
        """
        return Ledger(self._limits, account=None if self._tenants is None else self._tenants.account(tenant))
