"""`llm/openai` against a server that misbehaves in every way: each ends as documented, in time."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import time
from contextlib import aclosing
from functools import partial
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.chat import Completion, Delta, Message
from ragkit.errors import (
    ConfigError,
    ContextTooLongError,
    InvalidOutputError,
    ModelAuthError,
    ModelError,
    ModelRequestError,
    ModelTimeoutError,
    ModelUnavailableError,
    RateLimitError,
)
from ragkit_connectors.openai import OpenAIChat
from ragkit_connectors.openai.events import EventReader
from tests.connectors.chat_server import (
    DONE,
    USAGE,
    ChatServer,
    Cut,
    Hang,
    Raw,
    body_of,
    delta,
    event,
    failure,
    reply,
    serving,
    stream,
)

ASKED = (Message("system", "Be short."), Message("user", "Как долго действует гарантия? 🙂"))
DRIP: list[bytes | Hang | Cut] = [delta("x"), Hang(0.1)] * 200
TORN = b'data: {"choices": [{"delta": {"content": "\xd0"}}]}\n\n'
GOOD_STREAM = stream(delta("Two "), delta("years."), delta("", "stop"), USAGE, DONE)


def chat(server: ChatServer, **settings: Any) -> OpenAIChat:
    given = {"base_url": server.url, "model": "m", "timeout_s": 2.0, "stall_s": 1.0, **settings}
    return OpenAIChat(**given)


async def completed(model: OpenAIChat, **options: Any) -> Completion:
    return await model.complete(ASKED, **options)


async def streamed(model: OpenAIChat, **options: Any) -> tuple[list[str], Completion]:
    pieces, last = [], None
    async with aclosing(model.stream(ASKED, **options)) as events:
        async for piece in events:
            assert last is None, "something came after the completion"
            if isinstance(piece, Delta):
                pieces.append(piece.text)
            else:
                last = piece
    assert last is not None
    return pieces, last


def ask(model: OpenAIChat, *, is_stream: bool = False) -> Completion:
    async def call() -> Completion:
        return (await streamed(model))[1] if is_stream else await completed(model)

    return anyio.run(call)


def test_an_answer_comes_with_tokens_and_cost() -> None:
    with serving(reply("Two years.")) as server:
        done = ask(chat(server, price={"input": 2.0, "output": 10.0}, api_key="sk-1"))
    assert done == Completion(
        "Two years.", model="served", finish_reason="stop", input_tokens=10, output_tokens=5, usd=70e-6
    )
    seen = server.seen[0]
    assert (seen.target, seen.headers["authorization"]) == ("/v1/chat/completions", "Bearer sk-1")
    assert seen.body["messages"][1] == {"role": "user", "content": ASKED[1].text}
    assert (seen.body["max_tokens"], seen.body["temperature"]) == (1024, 0.0)


def test_a_stream_folds_to_the_answer() -> None:
    with serving(GOOD_STREAM) as server:
        pieces, done = anyio.run(lambda: streamed(chat(server, price={"input": 2.0, "output": 10.0})))
    assert ("".join(pieces), len(pieces)) == (done.text, 2)
    assert (done.finish_reason, done.input_tokens, done.output_tokens) == ("stop", 10, 5)
    assert done.usd == pytest.approx(70e-6)


@pytest.mark.parametrize("seed", range(20))
def test_a_stream_reads_the_same_in_whatever_pieces_its_bytes_come(seed: int) -> None:
    rng = random.Random(seed)
    whole = b"".join([b": hello\n\n", delta("Два "), delta("года 🙂"), delta("", "length"), USAGE, DONE])
    whole = whole.replace(b"\n", b"\r\n") if seed % 2 else whole
    cuts = sorted(rng.sample(range(1, len(whole)), 12))
    parts = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    with serving(stream(*parts)) as server:
        done = ask(chat(server), is_stream=True)
    assert (done.text, done.finish_reason, done.output_tokens) == ("Два года 🙂", "length", 5)


def test_a_character_in_two_halves_is_put_together() -> None:
    halves = [event('{"choices": [{"delta": {"content": "\\ud83d"}}]}'), delta("\ude42", "stop")]
    with serving(stream(*halves, DONE)) as server:
        assert ask(chat(server), is_stream=True).text == "🙂"
    with serving(stream(halves[0], delta("!", "stop"), DONE)) as server:
        assert ask(chat(server), is_stream=True).text == "\ufffd!"


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    ("response", "error", "says"),
    [
        (failure(401, "Incorrect API key sk-abc"), ModelAuthError, "Set api_key"),
        (failure(403), ModelAuthError, "Set api_key"),
        (
            failure(404, "model m does not exist"),
            ModelRequestError,
            "exist. Check base_url and model",
        ),
        (failure(400, "no", "context_length_exceeded"), ContextTooLongError, "Send fewer"),
        (failure(400, "This model's maximum context length is 8192"), ContextTooLongError, "Send fewer"),
        (failure(413), ContextTooLongError, "Send fewer"),
        (failure(422, "temperature: unknown"), ModelRequestError, "temperature: unknown"),
        (failure(302), ModelRequestError, "base_url"),
        (failure(429, "over", "insufficient_quota"), RateLimitError, "quota is used up"),
    ],
)
def test_what_repeating_does_not_mend_is_told_at_once(
    response: Raw, error: type[ModelError], says: str, is_stream: bool
) -> None:
    with serving(response) as server, pytest.raises(error, match=says) as caught:
        ask(chat(server, api_key="sk-abc", retries=3), is_stream=is_stream)
    assert len(server.seen) == 1
    assert "sk-abc" not in str(caught.value)


@pytest.mark.parametrize(
    ("response", "says"),
    [
        (body_of({"choices": []}), "choice"),
        (body_of(b"<html>gateway</html>"), "no JSON"),
        (body_of(b'{"choices": [{"message": {"content": "\xd0"}}]}'), "broken UTF-8"),
        (body_of(b'{"choices": [7]}'), "choice"),
        (body_of(b"[" * 100_000), "no JSON"),
    ],
)
def test_a_body_that_is_no_completion_is_refused(response: Raw, says: str) -> None:
    with serving(response) as server, pytest.raises(InvalidOutputError, match=says):
        ask(chat(server))
    assert len(server.seen) == 1


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 520, 529])
def test_what_may_pass_is_tried_again(status: int, is_stream: bool) -> None:
    with serving(failure(status), GOOD_STREAM if is_stream else reply("Two years.")) as server:
        done = ask(chat(server), is_stream=is_stream)
    assert (done.text, done.attempts, len(server.seen)) == ("Two years.", 2, 2)


@pytest.mark.parametrize(("header", "least"), [({"Retry-After": "1"}, 1.0), ({"retry-after-ms": "900"}, 0.9)])
def test_the_wait_that_is_asked_for_is_honoured(header: dict[str, str], least: float) -> None:
    with serving(failure(429, headers=header), reply("Yes.")) as server:
        ask(chat(server, timeout_s=5.0))
    assert least <= server.seen[1].at - server.seen[0].at < least + 0.5


def test_a_wait_past_the_deadline_is_not_begun() -> None:
    started = time.monotonic()
    refused = failure(429, headers={"Retry-After": "60"})
    with serving(refused) as server, pytest.raises(RateLimitError, match="429") as caught:
        ask(chat(server))
    assert caught.value.retry_after_s == 60.0
    assert time.monotonic() - started < 0.5


@pytest.mark.parametrize("is_stream", [False, True])
def test_when_time_is_up_what_went_wrong_before_is_told(is_stream: bool) -> None:
    with (
        serving(failure(503, "overloaded"), Raw([Hang(30)])) as server,
        pytest.raises(ModelTimeoutError, match=r"The attempt before ended otherwise: .* overloaded"),
    ):
        ask(chat(server, timeout_s=1.0), is_stream=is_stream)


@pytest.mark.parametrize("is_stream", [False, True])
def test_attempts_end(is_stream: bool) -> None:
    refused = failure(503, "overloaded")
    with serving(refused) as server, pytest.raises(ModelUnavailableError, match=r"overloaded\. Try again"):
        ask(chat(server, timeout_s=10.0), is_stream=is_stream)
    assert len(server.seen) == 3


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ModelUnavailableError, match="cannot be reached"):
        ask(OpenAIChat(base_url=f"http://127.0.0.1:{port}/v1", model="m", retries=0))


@pytest.mark.parametrize(
    ("is_stream", "response", "error", "limit_s"),
    [
        (False, Raw([Hang(30)]), ModelTimeoutError, 1.0),
        (False, Raw([b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", Hang(30)]), ModelTimeoutError, 1.0),
        (True, Raw([Hang(30)]), ModelTimeoutError, 0.3),
        (True, stream(event(": ping"), Hang(30)), InvalidOutputError, 1.0),
        (True, stream(b": ping\n\n", Hang(30)), ModelTimeoutError, 0.3),
        (True, stream(delta("Two"), Hang(30)), ModelTimeoutError, 0.5),
        (True, stream(*DRIP), ModelTimeoutError, 1.0),
    ],
)
def test_deadlines_hold(is_stream: bool, response: Raw, error: type[ModelError], limit_s: float) -> None:
    model = {"timeout_s": 1.0, "first_token_s": 0.3, "stall_s": 0.5, "retries": 0}
    with serving(response) as server:
        warm = chat(server, **model)
        started = time.monotonic()
        with pytest.raises(error):
            ask(warm, is_stream=is_stream)
    assert time.monotonic() - started < limit_s + 0.4  # 0.1 s on a quiet machine


@pytest.mark.parametrize(
    ("response", "error", "says"),
    [
        (stream(delta("Two "), is_ended=False), ModelUnavailableError, "broke off"),
        (stream(delta("Two ")), ModelUnavailableError, "broke off in the middle"),
        (stream(delta("Two "), Cut()), ModelUnavailableError, "broke off"),
        (
            stream(delta("Two "), event({"error": {"message": "worker died"}})),
            ModelUnavailableError,
            "worker",
        ),
        (stream(delta("Two "), event({"error": {"code": 429, "message": "slow"}})), RateLimitError, "slow"),
        (
            stream(delta("Two "), b'data: {"choices": [{"delta": {"content": "\xd0"}}]}\n\n'),
            InvalidOutputError,
            "UTF-8",
        ),
        (stream(delta("Two "), event("{")), InvalidOutputError, "no JSON"),
        (stream(delta("Two "), event("[]")), InvalidOutputError, "choices"),
    ],
)
def test_a_stream_that_breaks_off_after_text_is_an_error_and_not_repeated(
    response: Raw, error: type[ModelError], says: str
) -> None:
    got: list[str] = []

    async def read(model: OpenAIChat) -> None:
        async for piece in model.stream(ASKED):
            assert isinstance(piece, Delta)
            got.append(piece.text)

    with serving(response, GOOD_STREAM) as server, pytest.raises(error, match=says):
        anyio.run(read, chat(server))
    assert (got, len(server.seen)) == (["Two "], 1)


@pytest.mark.parametrize(
    "response",
    [stream(is_ended=False), Raw([Cut()]), stream(event({"error": {"message": "starting", "code": 503}}))],
)
def test_a_stream_that_breaks_off_before_text_is_tried_again(response: Raw) -> None:
    with serving(response, GOOD_STREAM) as server:
        assert ask(chat(server), is_stream=True).attempts == 2


def test_a_body_that_is_cut_is_tried_again() -> None:
    cut = Raw([b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"choices": [', Cut()])
    with serving(cut, reply("Yes.")) as server:
        assert ask(chat(server)).attempts == 2


def test_unknown_tokens_and_prices_are_none_and_never_nought() -> None:
    with serving(reply("Yes.", usage=None)) as server:
        assert ask(chat(server, price={"input": 1.0, "output": 1.0})).usd is None
    with serving(reply("Yes.", usage={"prompt_tokens": -1, "completion_tokens": True})) as server:
        done = ask(chat(server))
    assert (done.input_tokens, done.output_tokens, done.usd) == (None, None, None)
    with serving(reply("Yes.")) as server:
        assert ask(chat(server)).usd is None
    with serving(stream(delta("Yes.", "stop"), DONE)) as server:
        assert ask(chat(server), is_stream=True).output_tokens is None


def test_why_a_text_ended_is_told() -> None:
    def ended(reason: Any, text: Any = "Two", **message: Any) -> Raw:
        return body_of({"choices": [{"message": {"content": text, **message}, "finish_reason": reason}]})

    cases = {"length": "length", "content_filter": "content_filter", "tool_calls": "unknown", None: "unknown"}
    for told, reason in cases.items():
        with serving(ended(told)) as server:
            assert ask(chat(server)).finish_reason == reason
    with serving(ended("stop", None, refusal="I cannot")) as server:
        done = ask(chat(server))
    assert (done.text, done.finish_reason) == ("", "content_filter")
    for is_stream in (False, True):
        with serving(failure(400, "filtered", "content_filter")) as server:
            done = ask(chat(server), is_stream=is_stream)
        assert (done.text, done.finish_reason, done.input_tokens) == ("", "content_filter", None)


def test_an_end_without_done_is_an_end_where_a_reason_was_told() -> None:
    with serving(stream(delta("Yes.", "stop"))) as server:
        assert ask(chat(server), is_stream=True).is_whole


def test_connections_are_used_again() -> None:
    async def thrice(model: OpenAIChat) -> None:
        for _ in range(3):
            await completed(model)
            await streamed(model)
        lanes = await model._endpoint.lanes.here()
        assert len(lanes._idle) == 1

    def script(body: dict[str, Any]) -> Raw:
        return GOOD_STREAM if body.get("stream") else reply("Yes.")

    with serving(script=script) as server:
        anyio.run(thrice, chat(server))


def test_a_storm_of_cancels_leaves_the_model_in_order() -> None:
    def script(body: dict[str, Any]) -> Raw:
        quick = GOOD_STREAM if body.get("stream") else reply("Two years.")
        return quick if body["max_tokens"] == 7 else Raw([Hang(0.05), *quick.pieces])

    async def impatient(model: OpenAIChat, rng: random.Random) -> None:
        with anyio.move_on_after(rng.uniform(0.0, 0.06)):
            if rng.random() < 0.5:
                await completed(model)
            else:
                await streamed(model)

    async def storm(model: OpenAIChat) -> list[str]:
        rng = random.Random(5)
        for _ in range(10):
            async with anyio.create_task_group() as group:
                for _ in range(30):
                    group.start_soon(impatient, model, rng)
        texts = [(await completed(model, max_tokens=7)).text for _ in range(10)]
        return texts + [(await streamed(model, max_tokens=7))[1].text for _ in range(10)]

    with serving(script=script) as server:
        assert anyio.run(storm, chat(server, timeout_s=10.0, stall_s=10.0)) == ["Two years."] * 20


def test_streams_that_are_cancelled_anywhere_leave_no_task_and_no_connection() -> None:
    rng, whole = random.Random(4), b"".join([delta("Два "), delta("года 🙂"), delta("", "stop"), USAGE, DONE])

    def script(_: dict[str, Any]) -> Raw:
        pieces: list[bytes | Hang | Cut] = []
        cuts = sorted(rng.sample(range(1, len(whole)), 5))
        for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            pieces += [whole[start:end], Hang(rng.uniform(0.0, 0.01))]
        return stream(*pieces)

    async def some(model: OpenAIChat, texts: list[str]) -> None:
        for _ in range(25):
            with anyio.move_on_after(rng.uniform(0.0, 0.15)):
                pieces, done = await streamed(model)
                assert "".join(pieces) == done.text
                texts.append(done.text)

    async def storm(model: OpenAIChat) -> tuple[list[str], int, int]:
        texts: list[str] = []
        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(some, model, texts)
        await model.aclose()
        lanes = await model._endpoint.lanes.here()
        return texts, len(asyncio.all_tasks()), len(lanes._idle)

    with serving(script=script) as server:
        texts, n_tasks, n_idle = anyio.run(storm, chat(server, timeout_s=10.0))
    assert set(texts) <= {"Два года 🙂"}
    assert (n_tasks, n_idle) == (1, 0)


def test_one_model_serves_several_event_loops() -> None:
    with serving(reply("Yes.")) as server:
        model = chat(server)
        assert [ask(model).text for _ in range(3)] == ["Yes."] * 3


def test_a_schema_is_asked_for_as_configured() -> None:
    schema = {"type": "object"}
    for how, kind in (("json_schema", "json_schema"), ("json_object", "json_object"), ("none", None)):
        with serving(reply("{}")) as server:
            anyio.run(partial(completed, chat(server, structured=how), schema=schema))
        assert server.seen[0].body.get("response_format", {}).get("type") == kind


@pytest.mark.parametrize(("closed", "is_strict"), [({"additionalProperties": False}, True), ({}, False)])
def test_a_schema_that_leaves_something_open_is_not_asked_for_strictly(
    closed: dict[str, Any], is_strict: bool
) -> None:
    inner = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], **closed}
    schema = {"$defs": {"Inner": inner}, "type": "array", "items": {"$ref": "#/$defs/Inner"}}
    with serving(reply("{}")) as server:
        anyio.run(partial(completed, chat(server), schema=schema))
    assert server.seen[0].body["response_format"]["json_schema"]["strict"] is is_strict


def test_many_first_calls_at_once_share_their_connections() -> None:
    async def at_once(model: OpenAIChat) -> int:
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(completed, model)
        return len((await model._endpoint.lanes.here())._idle)

    with serving(reply("Yes.")) as server:
        assert anyio.run(at_once, chat(server)) == 10


def test_the_key_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(failure(401, "key sk-secret is wrong; x-token t-secret")) as server:
        model = chat(server, api_key="sk-secret\n", headers={"X-Token": "t-secret"})
        with pytest.raises(ModelAuthError) as caught:
            ask(model)
    assert server.seen[0].headers["authorization"] == "Bearer sk-secret"
    assert server.seen[0].headers["x-token"] == "t-secret"
    shown = f"{model.config!r} {model.fingerprint} {caught.value!r} {caplog.text}"
    assert "sk-secret" not in shown
    assert "t-secret" not in shown


def test_settings_that_cannot_be_right_are_refused() -> None:
    for wrong, says in (
        ({"base_url": "localhost:8000"}, "expected an address"),
        ({"api_key": "sk-\u0440"}, "is it the key"),
        ({"headers": {"X": "a\nb"}}, "no header may hold"),
        ({"extra": {"messages": []}}, "ragkit sets it itself"),
        ({"price": {"input": -1, "output": 0}}, "price.input"),
        ({"modle": "m"}, "modle"),
    ):
        with pytest.raises(ConfigError, match=says):
            OpenAIChat(**{"base_url": "http://h/v1", "model": "m", **wrong})


def test_nothing_to_answer() -> None:
    with pytest.raises(ModelRequestError, match="no message"):
        anyio.run(OpenAIChat(base_url="http://h/v1", model="m").complete, ())


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(max_size=6), max_size=6), st.data())
def test_events_are_the_same_in_whatever_pieces_their_bytes_come(
    texts: list[str], data: st.DataObject
) -> None:
    whole = b"".join(event(text.replace("\r", "").replace("\n", "")) + b": ping\n\n" for text in texts)
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=20).map(sorted))
    reader = EventReader()
    parts = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    found = [piece.decode() for part in parts for piece in reader.feed(part)]
    assert found == [text.replace("\r", "").replace("\n", "") for text in texts]


@pytest.mark.parametrize(
    ("response", "is_stream", "took_nothing"),
    [
        (failure(503), False, True),
        (failure(529), True, True),
        (Raw([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", Cut()]), False, False),
        (body_of({"error": {"message": "worker died"}}), False, False),
        (stream(delta("Two "), event({"error": {"message": "worker died"}})), True, False),
    ],
)
def test_it_is_told_whether_a_failed_call_took_anything(
    response: Raw, is_stream: bool, took_nothing: bool
) -> None:
    with serving(response) as server, pytest.raises(ModelUnavailableError) as caught:
        ask(chat(server, retries=0), is_stream=is_stream)
    assert caught.value.took_nothing is took_nothing


def test_what_was_never_reached_took_nothing() -> None:
    model = OpenAIChat(base_url="http://127.0.0.1:9/v1", model="m", retries=0, timeout_s=2.0)
    with pytest.raises(ModelUnavailableError, match="cannot be reached") as caught:
        ask(model)
    assert caught.value.took_nothing
