"""The budget of a configuration: accounts for its questions and its tenants, and what is done without."""

from __future__ import annotations

from ragkit.config.budget import BudgetSettings
from ragkit.generate.ladder import ladder_of
from ragkit.graph.budget import Ledger, Limits
from ragkit.graph.checked import CheckedGraph
from ragkit.graph.ladder import Ladder
from ragkit.graph.tenant_budget import TenantBudget, TenantLimits


class Allowance:
    """Opens the account of each question.

    >>> Allowance(BudgetSettings(tokens=6000)).ledger("acme").left.tokens
    6000.0
    """

    def __init__(self, settings: BudgetSettings) -> None:
        self._settings = settings
        self._limits = Limits(
            settings.wall_s, tokens=settings.tokens, usd=settings.usd, on_exceed=settings.on_exceed
        )
        limits = settings.tenant
        self._tenants = (
            None
            if limits is None
            else TenantBudget(TenantLimits(limits.tokens, usd=limits.usd, window_s=limits.window_s))
        )

    def ladder(self, graph: CheckedGraph) -> Ladder | None:
        """What may be done without in a graph; None where nothing is limited, or a limit is an error."""
        unlimited = BudgetSettings(on_exceed=self._settings.on_exceed, tokenizer=self._settings.tokenizer)
        if self._settings == unlimited or self._settings.on_exceed == "fail":
            return None
        return ladder_of(graph, self._settings.tokenizer)

    def ledger(self, tenant: str | None) -> Ledger:
        """The account of one question, whose time begins now.

        Args:
            tenant: who asks; None counts with all others that name none.
        """
        return Ledger(self._limits, account=None if self._tenants is None else self._tenants.account(tenant))
