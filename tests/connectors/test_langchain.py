"""Chat models of LangChain, through LangChain's own fakes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import anyio
import pytest

pytest.importorskip("langchain_core", reason="needs the extra langchain")

from langchain_core.language_models.fake_chat_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage

from ragkit.chat import ChatModel, Completion, Delta, Message
from ragkit.errors import (
    ConfigError,
    ContextTooLongError,
    ModelAuthError,
    ModelError,
    ModelTimeoutError,
    ModelUnavailableError,
    RateLimitError,
)
from ragkit.testing.chat import ChatModelChecks
from ragkit_connectors.langchain import LangChainChat, offer

ASKED = (Message("system", "Be brief."), Message("user", "How long?"))


def messages(text: Any, **told: Any) -> Iterator[AIMessage]:
    while True:
        yield AIMessage(text, **told)


def ask(model: Any, **options: Any) -> Completion:
    settings = {key: options.pop(key) for key in ("price", "max_tokens_key") if key in options}

    async def asked() -> Completion:
        return await LangChainChat(model=model, **settings).complete(ASKED, **options)

    return anyio.run(asked)


class TestItIsAChatModel(ChatModelChecks):
    def make_model(self) -> ChatModel:
        return LangChainChat(model=FakeListChatModel(responses=["Two years."]))


def test_text_counts_reason_and_price_are_taken_over() -> None:
    told = messages(
        [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Two years."}],
        usage_metadata={"input_tokens": 30, "output_tokens": 2, "total_tokens": 32},
        response_metadata={"stop_reason": "max_tokens", "model_name": "served"},
    )
    done = ask(GenericFakeChatModel(messages=told), price={"input": 1.0, "output": 5.0})
    assert done == Completion(
        "Two years.", model="served", finish_reason="length", input_tokens=30, output_tokens=2, usd=40e-6
    )


def test_what_is_not_told_is_unknown() -> None:
    done = ask(GenericFakeChatModel(messages=messages("Two.")), price={"input": 1.0, "output": 5.0})
    assert (done.finish_reason, done.input_tokens, done.usd) == ("unknown", None, None)


def test_it_streams_in_pieces() -> None:
    async def events() -> list[Delta | Completion]:
        model = LangChainChat(model=GenericFakeChatModel(messages=messages("Two long years.")))
        async with aclosing(model.stream(ASKED)) as stream:
            return [event async for event in stream]

    *pieces, last = anyio.run(events)
    assert [piece.text for piece in pieces] == ["Two", " ", "long", " ", "years."]
    assert isinstance(last, Completion)


class Seeing(FakeListChatModel):
    """Keeps what it is asked, and fails where that is wanted."""

    seen: list[Any] = []  # noqa: RUF012
    error: Any = None
    wait_s: float = 0.0

    async def _agenerate(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Any:
        self.seen.append((messages, kwargs))
        await anyio.sleep(self.wait_s)
        if self.error is not None:
            raise self.error
        return await super()._agenerate(messages, stop, run_manager)


def test_roles_options_and_schemas_reach_it() -> None:
    model = Seeing(responses=["{}"], seen=[])
    ask(model, max_tokens=5, temperature=0.0, schema={"type": "object"}, max_tokens_key="num_predict")
    said, options = model.seen[0]
    assert [message.type for message in said] == ["system", "human"]
    assert said[1].content.endswith('of this JSON Schema:\n{"type": "object"}')
    assert options == {"num_predict": 5, "temperature": 0.0}


class Refused(Exception):
    """As the SDKs of providers raise them."""

    def __init__(self, status: int, message: str = "no") -> None:
        super().__init__(message)
        self.status_code = status


class ReadTimeout(Exception):
    """As HTTP clients raise it."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Refused(429), RateLimitError),
        (Refused(401), ModelAuthError),
        (Refused(400, "maximum context length is 8192"), ContextTooLongError),
        (Refused(503), ModelUnavailableError),
        (ReadTimeout("late"), ModelTimeoutError),
        (ConnectionRefusedError("no"), ModelUnavailableError),
        (KeyError("x"), ModelError),
    ],
)
def test_its_errors_are_told_as_ours(error: Exception, kind: type[ModelError]) -> None:
    with pytest.raises(ModelError, match="langchain") as raised:
        ask(Seeing(responses=["x"], error=error))
    assert type(raised.value) is kind
    assert raised.value.__cause__ is error


def test_a_call_ends_in_time() -> None:
    with pytest.raises(
        ModelTimeoutError, match=r"langchain \(seeing\): no answer within 0.05 s|no answer within"
    ):
        ask(Seeing(responses=["x"], wait_s=5.0), timeout_s=0.05)


def test_a_file_names_what_was_offered() -> None:
    made: list[int] = []

    def make() -> FakeListChatModel:
        made.append(1)
        return FakeListChatModel(responses=["Two."])

    offer("team-chat", make)
    assert [LangChainChat(model="team-chat").name for _ in range(2)] == ["fake-list-chat-model"] * 2
    assert made == [1]
    with pytest.raises(
        ConfigError, match=r"no chat model is offered under the name 'team-chta'\. Did you mean"
    ):
        LangChainChat(model="team-chta")
    with pytest.raises(ConfigError, match="expected a chat model of LangChain, got int"):
        LangChainChat(model=3)
