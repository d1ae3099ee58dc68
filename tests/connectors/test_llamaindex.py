"""LLMs of LlamaIndex, through its own mock."""

from __future__ import annotations

import threading
from contextlib import aclosing
from typing import Any

import anyio
import pytest

pytest.importorskip("llama_index.core", reason="needs the extra llamaindex")

from llama_index.core.llms import ChatMessage, ChatResponse, MockLLM

from ragkit.chat import ChatModel, Completion, Delta, Message
from ragkit.errors import ConfigError, ModelUnavailableError
from ragkit.testing.chat import ChatModelChecks
from ragkit_connectors.llamaindex import LlamaIndexChat, offer

ASKED = (Message("system", "Be brief."), Message("user", "How long?"))


def ask(model: Any, **settings: Any) -> Completion:
    async def asked() -> Completion:
        return await LlamaIndexChat(model=model, **settings).complete(ASKED, max_tokens=9)

    return anyio.run(asked)


class TestItIsAChatModel(ChatModelChecks):
    def make_model(self) -> ChatModel:
        return LlamaIndexChat(model=MockLLM(max_tokens=4))


class Telling(MockLLM):
    """Tells what the clients of providers tell."""

    told: Any = None
    seen: list[Any] = []  # noqa: RUF012

    def chat(self, messages: Any, **kwargs: Any) -> Any:
        self.seen.append((messages, kwargs, threading.current_thread()))
        if isinstance(self.told, Exception):
            raise self.told
        return ChatResponse(message=ChatMessage(role="assistant", content="Two years."), raw=self.told)


def telling(told: Any = None) -> Telling:
    model = Telling(max_tokens=1)
    model.told, model.seen = told, []
    return model


def test_text_counts_and_reason_are_taken_over() -> None:
    told = {
        "model": "served",
        "choices": [{"finish_reason": "length"}],
        "usage": {"prompt_tokens": 30, "completion_tokens": 2},
    }
    assert ask(telling(told), price={"input": 1.0, "output": 5.0}) == Completion(
        "Two years.", model="served", finish_reason="length", input_tokens=30, output_tokens=2, usd=40e-6
    )


def test_what_is_not_told_is_unknown() -> None:
    done = ask(telling())
    assert (done.model, done.finish_reason, done.input_tokens, done.usd) == ("Telling", "unknown", None, None)


def test_blocking_calls_are_made_in_a_thread_with_roles_and_options() -> None:
    model = telling()
    ask(model)
    ((messages, options, thread),) = model.seen
    assert [(m.role.value, m.content) for m in messages] == [("system", "Be brief."), ("user", "How long?")]
    assert options == {"max_tokens": 9}
    assert thread is not threading.main_thread()


def test_it_streams_in_pieces() -> None:
    async def events() -> list[Delta | Completion]:
        async with aclosing(LlamaIndexChat(model=MockLLM(max_tokens=3)).stream(ASKED)) as stream:
            return [event async for event in stream]

    *pieces, last = anyio.run(events)
    # Whether the last piece ends with a blank differs among the versions of the mock.
    assert [piece.text.strip() for piece in pieces] == ["text"] * 3
    assert isinstance(last, Completion)
    assert last.text == "".join(piece.text for piece in pieces)


def test_its_errors_are_told_as_ours() -> None:
    with pytest.raises(ModelUnavailableError, match=r"llamaindex \(Telling\): ConnectionError: down"):
        ask(telling(ConnectionError("down")))


def test_a_file_names_what_was_offered() -> None:
    offer("team-llm", MockLLM(max_tokens=1))
    assert LlamaIndexChat(model="team-llm").name == "MockLLM"
    with pytest.raises(ConfigError, match="Did you mean 'team-llm'"):
        LlamaIndexChat(model="team-lm")
