"""The section `budget:`: what a question, and a tenant, may take of time, tokens and money."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from ragkit.settings import Settings


class TenantBudgetSettings(Settings):
    """What each tenant may take within a time, counted in this process alone."""

    tokens: int | None = Field(default=None, ge=1, description="Tokens, sent and received together.")
    usd: float | None = Field(default=None, gt=0.0, description="US dollars; every chat model needs a price.")
    window_s: float = Field(default=86_400.0, gt=0.0, description="Seconds within which they may be taken.")


class BudgetSettings(Settings):
    """The section as written; what is left out is not limited.

    >>> BudgetSettings(tokens=6000).on_exceed
    'degrade'
    """

    wall_s: float | None = Field(default=None, gt=0.0, description="Seconds until the answer is there.")
    tokens: int | None = Field(
        default=None, ge=1, description="Tokens, sent and received, of all chat models together."
    )
    usd: float | None = Field(default=None, gt=0.0, description="US dollars; every chat model needs a price.")
    on_exceed: Literal["degrade", "fail"] = Field(
        default="degrade",
        description="degrade: do less, and say so in the answer; fail: an error.",
    )
    tenant: TenantBudgetSettings | None = Field(
        default=None, description="What each tenant may take within a time, all questions together."
    )
    tokenizer: Path | None = Field(
        default=None,
        description="tokenizer.json of the chat models, for exact counts; else on the safe side.",
    )

    @property
    def needs_prices(self) -> bool:
        """Whether money is limited, so that it has to be known what tokens cost."""
        return self.usd is not None or (self.tenant is not None and self.tenant.usd is not None)
