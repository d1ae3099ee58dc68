"""`llm/litellm` over HTTP, against a server of chat completions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import aclosing
from importlib.util import find_spec

import anyio
import pytest

from ragkit.chat import ChatModel, Completion, Delta, Message
from ragkit.errors import ModelAuthError, ModelError, ModelTimeoutError, ModelUnavailableError, RateLimitError
from ragkit.testing.chat import ChatModelChecks
from ragkit_connectors.litellm import LiteLLMChat
from tests.connectors.chat_server import (
    DONE,
    USAGE,
    ChatServer,
    Hang,
    Raw,
    delta,
    failure,
    reply,
    serving,
    stream,
)

pytestmark = [
    pytest.mark.skipif(find_spec("litellm") is None, reason="needs the extra litellm"),
    pytest.mark.filterwarnings("ignore"),  # the package's own
]
ASKED = (Message("user", "How long?"),)


def model(server: ChatServer, **settings: object) -> LiteLLMChat:
    return LiteLLMChat(model="openai/served", api_base=server.url, api_key="sk-1", **settings)


def ask(response: Raw, **settings: object) -> Completion:
    async def asked() -> Completion:
        with serving(response) as server:
            return await model(server, **settings).complete(ASKED, max_tokens=7)

    return anyio.run(asked)


class TestItIsAChatModel(ChatModelChecks):
    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        def script(body: dict[str, object]) -> Raw:
            return (
                stream(delta("Two "), delta("years.", "stop"), USAGE, DONE)
                if body.get("stream")
                else reply("Two.")
            )

        with serving(script=script) as self.server:
            yield

    def make_model(self) -> ChatModel:
        return model(self.server)


def test_no_price_list_is_fetched() -> None:
    LiteLLMChat(model="openai/served")
    assert os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"


def test_text_counts_and_price_are_taken_over() -> None:
    done = ask(reply("Two years."), price={"input": 1.0, "output": 2.0})
    assert (done.text, done.finish_reason, done.input_tokens, done.output_tokens) == (
        "Two years.",
        "stop",
        10,
        5,
    )
    assert done.usd == pytest.approx(20e-6)


def test_it_streams_in_pieces() -> None:
    async def events() -> list[Delta | Completion]:
        with serving(stream(delta("Two "), delta("years.", "length"), USAGE, DONE)) as server:
            async with aclosing(model(server).stream(ASKED)) as pieces:
                return [event async for event in pieces]

    *pieces, last = anyio.run(events)
    assert "".join(piece.text for piece in pieces) == "Two years."
    assert isinstance(last, Completion)
    assert (last.finish_reason, last.input_tokens, last.output_tokens) == ("length", 10, 5)


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (failure(429), RateLimitError),
        (failure(401, "bad key"), ModelAuthError),
        (failure(503), ModelUnavailableError),
        (stream(Hang(10)), ModelTimeoutError),
    ],
)
def test_its_errors_are_told_as_ours(response: Raw, kind: type[ModelError]) -> None:
    with pytest.raises(kind):
        ask(response, timeout_s=2.0)
