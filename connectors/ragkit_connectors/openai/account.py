"""What the calls of an embedder or a reranker took: in all, and in the budget of whoever asks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from threading import Lock

from ragkit.chat import Completion
from ragkit.graph.meter import current_meter
from ragkit.graph.tenant_budget import Amount


@dataclass(frozen=True, slots=True)
class Used:
    """Requests that were answered, and what they took; None for what the endpoint does not tell."""

    requests: int = 0
    retries: int = field(default=0, kw_only=True)
    tokens: int | None = field(default=0, kw_only=True)
    usd: float | None = field(default=0.0, kw_only=True)
    n_cut: int = field(default=0, kw_only=True)
    """Texts that lost their end, for the endpoint refused them whole."""


class Account:
    """Counts from any thread.

    Where a price is known, calls are entered in the budget and the usage of the question that is being
    answered, too.

    Args:
        name: of the model.
        price: US dollars for a million of what is counted; None where it is not known.

    >>> account = Account("m", price=0.02)
    >>> account.enter(1_000_000)
    >>> account.used.usd
    0.02
    """

    def __init__(self, name: str, *, price: float | None) -> None:
        self._name = name
        self._price = price
        self._used = Used()
        self._lock = Lock()

    @property
    def used(self) -> Used:
        """What was entered so far."""
        with self._lock:
            return self._used

    def enter(self, tokens: int | None, *, attempts: int = 1) -> None:
        """Enters an answered request with what the endpoint counted."""
        usd = None if tokens is None or self._price is None else tokens * self._price / 1e6
        with self._lock:
            before = self._used
            self._used = Used(
                before.requests + 1,
                retries=before.retries + attempts - 1,
                tokens=None if before.tokens is None or tokens is None else before.tokens + tokens,
                usd=None if before.usd is None or usd is None else before.usd + usd,
                n_cut=before.n_cut,
            )
        meter = current_meter()
        if meter is None or tokens is None or usd is None:
            return
        took = Amount(tokens, usd)
        done = Completion(
            "", model=self._name, finish_reason="stop", input_tokens=tokens, output_tokens=0, usd=usd,
            attempts=attempts,
        )  # fmt: skip
        meter.settle(meter.ledger.hold(lambda _: took), done)

    def note_cut(self) -> None:
        """Counts a text that was cut."""
        with self._lock:
            self._used = replace(self._used, n_cut=self._used.n_cut + 1)
