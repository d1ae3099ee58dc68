"""What a run may take: the account is right whatever is asked at the same time."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.chat import Completion
from ragkit.errors import (
    BudgetError,
    ModelAuthError,
    ModelError,
    ModelTimeoutError,
    ModelUnavailableError,
    RateLimitError,
)
from ragkit.graph.budget import Ledger, Limits
from ragkit.graph.tenant_budget import STEPS, Amount, TenantBudget, TenantLimits
from ragkit.types import Usage

counts = st.none() | st.integers(0, 900)
completions = st.builds(
    partial(Completion, "x", model="m", finish_reason="stop"),
    input_tokens=counts,
    output_tokens=st.none() | st.integers(0, 100),
    usd=st.none() | st.floats(0, 0.01),
)
errors = st.sampled_from(
    [
        ModelTimeoutError("late"),
        RateLimitError("full"),
        ModelAuthError("key"),
        ModelUnavailableError("down"),
        ModelUnavailableError("refused", took_nothing=True),
    ]
)
FREE = (RateLimitError, ModelAuthError)


def done(tokens: int | None, usd: float | None = None) -> Completion:
    return Completion("x", model="m", finish_reason="stop", input_tokens=tokens, output_tokens=0, usd=usd)


def most(tokens: float, usd: float, left: Amount) -> Amount:
    if tokens > left.tokens or left.usd <= 0 or (usd > left.usd and usd < math.inf):
        raise BudgetError("no more")
    return Amount(tokens, usd)


def took_nothing(outcome: Completion | ModelError) -> bool:
    return isinstance(outcome, FREE) or getattr(outcome, "took_nothing", False)


@settings(max_examples=100, deadline=None)
@given(st.lists(completions | errors, max_size=8))
def test_the_total_is_the_sum_of_the_calls_and_unknown_where_one_is(
    outcomes: list[Completion | ModelError],
) -> None:
    ledger = Ledger()
    for outcome in outcomes:
        ledger.settle(None, outcome)
    usage = ledger.usage(Usage(input_tokens=7))
    if not outcomes:
        assert usage == Usage(input_tokens=7)
        return
    calls = [outcome for outcome in outcomes if not took_nothing(outcome)]
    for name in ("input_tokens", "output_tokens", "usd"):
        told = [getattr(call, name, None) for call in calls]
        total = getattr(usage, name)
        if None in told:
            assert total is None
        else:
            assert total == pytest.approx(sum(n for n in told if n is not None))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 900), st.floats(0, 0.01), completions | errors), max_size=12),
    st.integers(1, 3000),
    st.floats(0.001, 0.03),
    st.randoms(use_true_random=False),
)
def test_no_budget_is_overdrawn_by_more_than_calls_took_beyond_what_was_held(
    calls: list[tuple[int, float, Completion | ModelError]], tokens: int, usd: float, order: object
) -> None:
    """Whatever is asked in whatever order, with any number of calls under way."""
    ledger = Ledger(Limits(tokens=tokens, usd=usd))
    beyond = Amount()
    under_way: list[tuple[int, Amount, Completion | ModelError]] = []
    for n, (n_tokens, cost, outcome) in enumerate(calls):
        try:
            hold = ledger.hold(partial(most, n_tokens, cost))
        except BudgetError:
            continue
        assert ledger.left.tokens + beyond.tokens >= -1e-9
        assert ledger.left.usd + beyond.usd >= -1e-9
        under_way.append((hold, Amount(n_tokens, cost), outcome))
        if n % 3 == 0:
            number, held, ended = under_way.pop(order.randrange(len(under_way)))  # type: ignore[attr-defined]
            ledger.settle(number, ended)
            if isinstance(ended, Completion):
                told = (ended.input_tokens, ended.output_tokens)
                spent = held.tokens if None in told else sum(n for n in told if n is not None)
                beyond = beyond.plus(
                    Amount(max(0, spent - held.tokens), max(0.0, (ended.usd or 0.0) - held.usd))
                )
    for number, _, _ in under_way:
        ledger.settle(number, RateLimitError("full"))
    assert ledger.left.tokens + beyond.tokens >= -1e-9
    assert ledger.left.usd + beyond.usd >= -1e-9


def test_what_a_call_does_not_tell_is_charged_as_it_was_held() -> None:
    ledger = Ledger(Limits(tokens=1000))
    ledger.settle(ledger.hold(lambda _: Amount(400)), done(None))
    ledger.settle(ledger.hold(lambda _: Amount(300)), ModelTimeoutError("late"))
    assert ledger.left.tokens == 300
    assert ledger.usage(Usage()).input_tokens is None


def test_a_call_that_was_refused_takes_nothing() -> None:
    ledger = Ledger(Limits(tokens=1000, usd=1.0))
    for error in (RateLimitError("full"), ModelUnavailableError("no", took_nothing=True)):
        ledger.settle(ledger.hold(lambda _: Amount(400, 0.4)), error)
    assert (ledger.left.tokens, ledger.left.usd) == (1000, 1.0)
    assert ledger.usage(Usage()).input_tokens == 0


def test_what_costs_nobody_knows_how_much_leaves_nothing_until_it_is_known() -> None:
    ledger = Ledger(Limits(usd=1.0))
    hold = ledger.hold(lambda _: Amount(100, math.inf))
    assert ledger.left.usd == -math.inf
    ledger.settle(hold, done(90, usd=0.25))
    assert ledger.left.usd == 0.75
    ledger.settle(ledger.hold(lambda _: Amount(100, math.inf)), done(90, usd=None))
    assert ledger.left.usd == -math.inf


class TestTenants:
    def test_sixteen_at_once_do_not_overdraw(self) -> None:
        budget = TenantBudget(TenantLimits(tokens=1000))
        made = []

        def ask(n: int) -> None:
            ledger = Ledger(account=budget.account("acme"))
            for _ in range(10):
                try:
                    hold = ledger.hold(partial(most, 90, 0.0))
                except BudgetError:
                    return
                made.append(n)
                ledger.settle(hold, done(90))

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(ask, range(16)))
        assert len(made) == 11
        assert budget.account("acme").left().tokens == 10

    def test_one_tenant_does_not_take_from_another(self) -> None:
        budget = TenantBudget(TenantLimits(usd=1.0))
        ledger = Ledger(account=budget.account("acme"))
        ledger.settle(ledger.hold(lambda _: Amount(10, 0.6)), done(10, usd=0.6))
        assert budget.account("acme").left().usd == pytest.approx(0.4)
        assert budget.account("globex").left().usd == 1.0
        assert budget.account(None).left().usd == 1.0

    def test_what_was_taken_comes_back_after_the_window(self) -> None:
        now = [0.0]
        budget = TenantBudget(TenantLimits(tokens=100, window_s=96.0), clock=lambda: now[0])
        for at in (0.0, 50.0):
            now[0] = at
            ledger = Ledger(account=budget.account("acme"))
            ledger.settle(ledger.hold(lambda _: Amount(40)), done(40))
        assert budget.account("acme").left().tokens == 20
        now[0] = 96.0
        assert budget.account("acme").left().tokens == 20  # not a moment too early
        now[0] = 96.0 + 96.0 / STEPS + 1
        assert budget.account("acme").left().tokens == 60
        now[0] = 400.0
        assert budget.account("acme").left().tokens == 100

    def test_the_smaller_of_both_budgets_counts(self) -> None:
        budget = TenantBudget(TenantLimits(tokens=100))
        ledger = Ledger(Limits(tokens=6000), account=budget.account("acme"))
        assert ledger.left.tokens == 100
        assert Ledger(Limits(tokens=60), account=budget.account("acme")).left.tokens == 60

    def test_nothing_is_kept_of_tenants_that_took_nothing(self) -> None:
        budget = TenantBudget(TenantLimits(tokens=100))
        held = Ledger(account=budget.account("busy"))
        held.hold(lambda _: Amount(60))
        for n in range(1000):
            budget.account(f"tenant {n}").left()
        assert len(budget) < 5
        assert budget.account("busy").left().tokens == 40
