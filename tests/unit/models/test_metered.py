"""A chat model in a run's budget."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from time import monotonic
from typing import Any

import anyio
import pytest

from ragkit.chat import ChatModel, Completion, Delta, Message
from ragkit.errors import (
    BudgetError,
    ModelError,
    ModelTimeoutError,
    ModelUnavailableError,
    RateLimitError,
)
from ragkit.graph.budget import Ledger, Limits
from ragkit.graph.meter import Meter, enter
from ragkit.models.metered import Metered, metered
from ragkit.models.price import Price
from ragkit.models.route import RouteChat
from ragkit.settings import Settings
from ragkit.testing.chat import ChatModelChecks
from ragkit.types import QueryPlan, Usage
from tests.unit.generate.scripted import Scripted

SHORT = (Message("user", "How long does the warranty last?"),)
LONG = (Message("user", "How long does the warranty last? " * 100),)  # about 800 tokens


class Priced(Scripted):
    """A scripted model with a price and a name."""

    def __init__(self, *replies: Any, name: str = "priced", price: tuple[float, float] = (1.0, 2.0)) -> None:
        super().__init__(*replies)
        self.name = name
        self.config = _Priced(price=Price(input=price[0], output=price[1]))


class _Priced(Settings):
    price: Price
    max_tokens: int = 1024
    timeout_s: float = 60.0


class Broken(Scripted):
    """Breaks off after its first piece."""

    async def stream(
        self, messages: Sequence[Message], **options: Any
    ) -> AsyncGenerator[Delta | Completion, None]:
        yield Delta("Two")
        raise RateLimitError("slow down")


class TestItIsAChatModel(ChatModelChecks):
    def make_model(self) -> ChatModel:
        return Metered(_Refusing("Two years."))


class _Refusing(Scripted):
    async def complete(self, messages: Sequence[Message], **options: Any) -> Completion:
        if not messages:
            raise ModelError("nothing to answer")
        return await super().complete(messages, **options)


def in_run(
    model: ChatModel,
    messages: Sequence[Message] = SHORT,
    *,
    limits: Limits | None = None,
    value: object = None,
    until: float = math.inf,
    tight: Any = None,
    **options: Any,
) -> tuple[Ledger, list[str], Completion | Exception]:
    """What a call in a run gives, and what it leaves in the ledger."""
    ledger, degraded = Ledger(limits), list[str]()

    async def call() -> Completion | Exception:
        enter(Meter(ledger, "generate", value, degrade=degraded.append, until=until, tight=tight))
        try:
            return await metered(model).complete(messages, **options)
        except (ModelError, BudgetError) as error:
            return error

    return ledger, degraded, anyio.run(call)


def test_calls_outside_of_a_run_are_as_ever() -> None:
    model = Scripted("Two.")
    assert anyio.run(metered(model).complete, SHORT).text == "Two."
    assert model.options == [{"max_tokens": None, "temperature": None, "schema": None, "timeout_s": None}]


def test_it_is_counted_once() -> None:
    model = metered(Scripted("Two."))
    assert metered(model) is model
    route = RouteChat(tiers=[model, Scripted("Two.")])
    assert metered(route) is route
    ledger, _, _ = in_run(route)
    assert ledger.usage(Usage()).input_tokens == 90


def test_every_attempt_of_a_route_is_counted() -> None:
    route = RouteChat(tiers=[Scripted(""), Scripted(RateLimitError("full")), Scripted("Two.")])
    ledger, _, done = in_run(route)
    assert isinstance(done, Completion)
    assert ledger.usage(Usage()) == Usage(input_tokens=180, output_tokens=18, usd=0.002)
    ledger, _, error = in_run(RouteChat(tiers=[Scripted(""), Scripted(ModelTimeoutError("late"))]))
    assert isinstance(error, ModelUnavailableError)
    assert ledger.usage(Usage(input_tokens=1)).input_tokens is None


def test_an_answer_is_capped_at_what_is_left() -> None:
    model = Priced("Two.")
    in_run(model, limits=Limits(tokens=500), max_tokens=800)
    assert 450 < model.options[0]["max_tokens"] < 500
    in_run(model, limits=Limits(usd=0.0008), max_tokens=800)
    assert 380 < model.options[1]["max_tokens"] < 400
    in_run(model, limits=Limits(tokens=5000), max_tokens=800)
    assert model.options[2]["max_tokens"] == 800
    in_run(model, limits=Limits(tokens=5000))
    assert model.options[3]["max_tokens"] is None  # its own default is less than what is left


def test_an_answer_that_was_cut_for_it_is_told() -> None:
    cut = Completion("Two", model="m", finish_reason="length", input_tokens=9, output_tokens=300)
    _, degraded, _ = in_run(Priced(cut), limits=Limits(tokens=400), max_tokens=800)
    assert len(degraded) == 1
    assert degraded[0].startswith("budget: generate cut at 38")
    assert in_run(Priced(cut), limits=Limits(tokens=4000), max_tokens=800)[1] == []


@pytest.mark.parametrize(
    ("limits", "over"),
    [
        (Limits(tokens=600), range(400, 412)),
        (Limits(usd=0.0006), range(600, 612)),
        (Limits(tokens=5), [None]),
    ],
)
def test_a_call_that_does_not_fit_is_not_made(limits: Limits, over: Sequence[int | None]) -> None:
    model = Priced("Two.")
    ledger, _, error = in_run(model, LONG, limits=limits, max_tokens=800)
    assert isinstance(error, BudgetError)
    assert "priced was not asked" in str(error)
    assert "Raise the limits under budget:" in str(error)
    assert error.over_tokens in over
    assert model.asked == []
    assert ledger.usage(Usage(input_tokens=3)).input_tokens == 3


def test_a_russian_prompt_is_counted_too() -> None:
    model = Priced("Два.")
    asked = (Message("user", "Как долго действует гарантия на устройство? " * 60),)
    _, _, error = in_run(model, asked, limits=Limits(tokens=600))
    assert isinstance(error, BudgetError)
    assert model.asked == []


def test_without_a_price_one_call_is_made_and_then_none() -> None:
    free = Completion("Two.", model="m", finish_reason="stop", input_tokens=5, output_tokens=5)
    model = Scripted(free)
    ledger = Ledger(Limits(usd=0.02))

    async def twice() -> None:
        enter(Meter(ledger, "generate", None, degrade=print))
        await Metered(model).complete(SHORT)
        with pytest.raises(BudgetError, match="no money that is known of"):
            await Metered(model).complete(SHORT)

    anyio.run(twice)
    assert len(model.asked) == 1


def test_a_call_is_given_the_time_that_its_node_has() -> None:
    model = Priced("Two.")
    in_run(model, until=monotonic() + 5.0)
    assert 4.0 < model.options[0]["timeout_s"] <= 5.0
    in_run(model, until=monotonic() + 5.0, timeout_s=2.0)
    assert model.options[1]["timeout_s"] == 2.0
    in_run(model, until=monotonic() + 500.0)
    assert model.options[2]["timeout_s"] == 60.0
    _, _, error = in_run(model, until=monotonic() - 0.1)
    assert isinstance(error, BudgetError)
    assert len(model.asked) == 3


def test_a_timeout_of_the_runs_own_is_the_budgets() -> None:
    late = Priced(ModelTimeoutError("late"))
    assert isinstance(in_run(late, until=monotonic() + 60.0)[2], ModelTimeoutError)
    assert isinstance(in_run(late, until=monotonic() + 0.04)[2], BudgetError)


def test_a_stream_is_counted_whatever_becomes_of_it() -> None:
    ledger = Ledger(Limits(tokens=5000))

    async def streams() -> list[float]:
        enter(Meter(ledger, "generate", None, degrade=print))
        left = [ledger.left.tokens]
        async with aclosing(Metered(Scripted("Two.")).stream(SHORT)) as events:
            _ = [event async for event in events]
        left.append(ledger.left.tokens)
        with pytest.raises(RateLimitError):
            async with aclosing(Metered(Broken("")).stream(SHORT, max_tokens=300)) as events:
                _ = [event async for event in events]
        left.append(ledger.left.tokens)
        async with aclosing(Metered(Scripted("Two.")).stream(SHORT, max_tokens=300)) as events:
            await anext(events)
        left.append(ledger.left.tokens)
        return left

    left = anyio.run(streams)
    assert left[0] - left[1] == 99
    assert 300 < left[1] - left[2] < 330  # it had begun: charged in full, whatever the error says
    assert 300 < left[2] - left[3] < 330  # so is one that was left early
    assert ledger.usage(Usage()).output_tokens is None


class TestARouteInABudget:
    def test_a_tier_that_cannot_be_paid_gives_way_to_a_cheaper_one(self) -> None:
        large, small = Priced("Three.", name="large", price=(100.0, 300.0)), Priced("Two.", name="small")
        route = RouteChat(tiers=[large, small])
        _, degraded, done = in_run(route, limits=Limits(usd=0.01), max_tokens=200)
        assert isinstance(done, Completion)
        assert done.text == "Two."
        assert large.asked == []
        assert degraded == ["budget: generate by a smaller model (small)"]

    def test_where_none_can_be_paid_it_is_a_budget_error(self) -> None:
        route = RouteChat(tiers=[Priced("Three.", price=(100.0, 300.0)), Priced("Two.")])
        assert isinstance(in_run(route, limits=Limits(usd=0.000001))[2], BudgetError)

    def test_a_run_that_is_to_fail_fails(self) -> None:
        route = RouteChat(tiers=[Priced("Three.", price=(100.0, 300.0)), Priced("Two.")])
        error = in_run(route, limits=Limits(usd=0.01, on_exceed="fail"), max_tokens=200)[2]
        assert isinstance(error, BudgetError)

    def test_short_of_money_the_cheapest_is_asked_first(self) -> None:
        tiers = [Priced("1", name="dear", price=(9.0, 9.0)), Priced("2", name="cheap", price=(0.1, 0.1))]
        _, degraded, done = in_run(RouteChat(tiers=tiers), limits=Limits(usd=1.0), tight="money")
        assert isinstance(done, Completion)
        assert done.text == "2"
        assert degraded == ["budget: generate by a smaller model (cheap)"]

    def test_short_of_time_the_fastest_is_asked_first(self) -> None:
        slow, fast = Metered(Priced("1", name="slow")), Metered(Priced("2", name="fast"))
        slow.seconds.add(9.0)
        route = RouteChat(tiers=[slow, fast])
        assert in_run(route, tight="time")[2].text == "1"  # type: ignore[union-attr]  # fast is not known
        slow.seconds.add(9.0)
        fast.seconds.add(0.5)
        assert in_run(route, tight="time")[2].text == "2"  # type: ignore[union-attr]

    def test_by_difficulty_a_hard_question_begins_further_up(self) -> None:
        small, large = Scripted("small"), Scripted("large")
        route = RouteChat(tiers=[small, large], by="difficulty")
        easy = QueryPlan.of("How long is the warranty?")
        hard = QueryPlan.of("Which lasts longer, the warranty or the lease, and why?")
        assert in_run(route, value=easy)[2].text == "small"  # type: ignore[union-attr]
        assert in_run(route, value=hard)[2].text == "large"  # type: ignore[union-attr]
        assert anyio.run(route.complete, (Message("user", hard.question),)).text == "large"

    def test_by_difficulty_the_lower_tiers_are_asked_last(self) -> None:
        tiers = [Scripted("small"), Scripted(RateLimitError("full")), Scripted(ModelTimeoutError("late"))]
        route = RouteChat(tiers=tiers, by="difficulty")
        done = anyio.run(route.complete, (Message("user", "Сравните гарантию и аренду."),))
        assert (done.text, done.attempts) == ("small", 3)

    def test_without_a_limit_each_tier_gets_its_share_of_the_runs_time(self) -> None:
        tiers = [Priced(ModelTimeoutError("late")), Priced("Two.")]
        in_run(RouteChat(tiers=tiers), until=monotonic() + 20.0)
        assert tiers[0].options[0]["timeout_s"] == pytest.approx(10.0, abs=0.5)
