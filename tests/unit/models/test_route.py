"""Several chat models in turn."""

from __future__ import annotations

from contextlib import aclosing

import anyio
import pytest

from ragkit.chat import ChatModel, Completion, Delta, Message
from ragkit.errors import (
    ConfigError,
    ContextTooLongError,
    InvalidOutputError,
    ModelAuthError,
    ModelError,
    ModelTimeoutError,
    ModelUnavailableError,
    RateLimitError,
)
from ragkit.models.route import RouteChat
from ragkit.testing.chat import ChatModelChecks
from tests.unit.generate.scripted import Scripted

ASKED = (Message("user", "How long?"),)
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"years": {"type": "integer"}},
    "required": ["years"],
}


def ask(*tiers: Scripted, schema: dict[str, object] | None = None, **settings: object) -> Completion:
    async def asked() -> Completion:
        return await RouteChat(tiers=tiers, **settings).complete(ASKED, schema=schema)

    return anyio.run(asked)


def streamed(*tiers: ChatModel) -> list[Delta | Completion]:
    async def events() -> list[Delta | Completion]:
        async with aclosing(RouteChat(tiers=tiers).stream(ASKED)) as stream:
            return [event async for event in stream]

    return anyio.run(events)


class TestItIsAChatModel(ChatModelChecks):
    def make_model(self) -> ChatModel:
        return _Refusing(RouteChat(tiers=(Scripted(RateLimitError("full")), Scripted("Two years."))))


class _Refusing:
    """Refuses nothing at all, which a scripted model would answer."""

    def __init__(self, model: RouteChat) -> None:
        self._model = model
        self.name, self.fingerprint = model.name, model.fingerprint

    async def complete(self, messages, **options):  # type: ignore[no-untyped-def]
        if not messages:
            raise ModelError("nothing to answer")
        return await self._model.complete(messages, **options)

    async def stream(self, messages, **options):  # type: ignore[no-untyped-def]
        if not messages:
            raise ModelError("nothing to answer")
        async with aclosing(self._model.stream(messages, **options)) as events:
            async for event in events:
                yield event


def test_the_first_tier_answers_and_no_other_is_asked() -> None:
    large = Scripted("Three.")
    assert ask(Scripted("Two."), large).text == "Two."
    assert large.asked == []


@pytest.mark.parametrize(
    "error", [ModelTimeoutError("late"), RateLimitError("full"), ModelUnavailableError("down")]
)
def test_the_next_tier_is_asked_where_one_fails(error: ModelError) -> None:
    done = ask(Scripted(error), Scripted("Two."))
    assert (done.text, done.attempts) == ("Two.", 2)


@pytest.mark.parametrize("reply", ["", "two", '{"years": "two"}', '{"y": 2}'])
def test_an_output_that_is_not_what_was_asked_for_goes_to_the_next_tier(reply: str) -> None:
    done = ask(Scripted(reply), Scripted('{"years": 2}'), schema=SCHEMA)
    assert done.text == '{"years": 2}'


def test_tokens_and_cost_are_of_all_attempts() -> None:
    done = ask(Scripted(""), Scripted(RateLimitError("full")), Scripted("Two."))
    assert (done.attempts, done.input_tokens, done.output_tokens, done.usd) == (3, 180, 18, 0.002)


def test_what_is_not_known_of_one_attempt_is_not_known_of_all() -> None:
    done = ask(Scripted(ModelTimeoutError("late")), Scripted("Two."))
    assert (done.input_tokens, done.output_tokens, done.usd) == (None, None, None)


def test_other_errors_are_raised_at_once() -> None:
    large = Scripted("Two.")
    with pytest.raises(ModelAuthError, match="key"):
        ask(Scripted(ModelAuthError("key")), large)
    with pytest.raises(ContextTooLongError):
        ask(Scripted(ContextTooLongError("long")), large)
    assert large.asked == []
    assert ask(Scripted(ContextTooLongError("long")), large, fallback_on=["too_long"]).text == "Two."


def test_what_the_provider_withheld_goes_on_only_where_that_is_named() -> None:
    withheld = Completion("", model="m", finish_reason="content_filter")
    assert ask(Scripted(withheld), Scripted("Two.")).finish_reason == "content_filter"
    assert ask(Scripted(withheld), Scripted("Two."), fallback_on=["content_filter"]).text == "Two."


def test_the_last_tier_is_given_as_it_is() -> None:
    assert ask(Scripted("two"), Scripted("deux"), schema=SCHEMA).text == "deux"


def test_where_no_tier_answers_all_are_named() -> None:
    said = r"none of 2 tiers answered: scripted: RateLimitError: full; scripted: ModelTimeoutError: late"
    with pytest.raises(ModelUnavailableError, match=said):
        ask(Scripted(RateLimitError("full")), Scripted(ModelTimeoutError("late")))
    with pytest.raises(ModelTimeoutError, match="none of 2"):
        ask(Scripted(ModelTimeoutError("late")), Scripted(ModelTimeoutError("late")))


def test_each_tier_gets_its_share_of_the_time() -> None:
    tiers = [Scripted(ModelTimeoutError("late")), Scripted(ModelTimeoutError("late")), Scripted("Two.")]

    async def asked() -> None:
        await RouteChat(tiers=tiers).complete(ASKED, timeout_s=30.0)

    anyio.run(asked)
    shares = [tier.options[0]["timeout_s"] for tier in tiers]
    assert shares == pytest.approx([10.0, 15.0, 30.0], abs=1.0)


def test_a_stream_goes_to_the_next_tier_before_its_first_piece() -> None:
    assert streamed(Scripted(RateLimitError("full")), Scripted("Two.")) == [
        Delta("Two."),
        Completion(
            "Two.", model="scripted-1", finish_reason="stop", input_tokens=90, output_tokens=9, usd=0.001,
            attempts=2,
        ),
    ]  # fmt: skip


def test_a_stream_that_breaks_off_is_an_error_and_not_begun_again() -> None:
    class Breaking(Scripted):
        async def stream(self, messages, **options):  # type: ignore[no-untyped-def]
            yield Delta("Tw")
            raise ModelUnavailableError("broke off")

    large = Scripted("Two.")
    with pytest.raises(ModelUnavailableError, match=r"^broke off$"):
        streamed(Breaking(""), large)
    assert large.asked == []


def test_only_chat_models_are_tiers() -> None:
    with pytest.raises(ConfigError, match="expected chat models"):
        RouteChat(tiers=("small",))
    with pytest.raises(ConfigError, match="fallback_on"):
        RouteChat(tiers=(Scripted(""),), fallback_on=["rain"])


def test_an_invalid_output_that_is_raised_counts_as_one() -> None:
    assert ask(Scripted(InvalidOutputError("no JSON")), Scripted("Two.")).text == "Two."
