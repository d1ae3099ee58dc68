"""Every fault of a served model, through a whole RAG: what `ask` and `stream` give, and how soon.

The endpoint is a real server on a loopback port (`chat_server`). Times are counted from the moment that the
request reached it, so that nothing but the waiting is in them.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit.errors import (
    InvalidOutputError,
    ModelError,
    ModelTimeoutError,
    ModelUnavailableError,
    RateLimitError,
    StageError,
)
from ragkit.events import Done, Event, Token, fold
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
    in_turn,
    reply,
    serving,
    stream,
)

pytestmark = pytest.mark.skipif(find_spec("httpx") is None, reason="needs the extra openai")

TIMEOUT_S, FIRST_TOKEN_S, STALL_S, WALL_S = 1.0, 0.6, 0.4, 2.5
# 100 ms, and what a busy machine takes: on a quiet one all of them keep to 100 ms.
SLACK_S = 0.1 + 0.4
CONFIG = """
ragkit: 1
models:
  embed: {{use: embed/bundled}}
  served:
    use: llm/openai
    base_url: "{url}"
    model: served
    retries: 1
    timeout_s: {timeout_s}
    first_token_s: {first_token_s}
    stall_s: {stall_s}
    price: {{input: 1.0, output: 2.0}}
stores: {{local: {{use: store/local, path: "{index}"}}}}
collection: {{store: local, embed: embed}}
query:
  sparse: {{use: retrieve/bm25}}
  fuse: {{use: fuse/rrf, in: [sparse], k: 5}}
  generate: {{use: generate/cited, llm: served, on_error: {on_error}}}
  spare: {{use: generate/extractive, in: fuse}}
  verify: {{use: verify/citations, in: generate}}
{more}
"""
ASKED = {"en": "Which plan offers SAML single sign-on?", "ru": "Сколько стоит выезд инженера?"}


def served(
    server_url: str,
    index: Path,
    folder: Path,
    *,
    on_error: str,
    more: str = "",
    limits: tuple[float, float, float] = (TIMEOUT_S, FIRST_TOKEN_S, STALL_S),
) -> ragkit.RAG:
    text = CONFIG.format(
        url=server_url, index=index, on_error=on_error, more=more, timeout_s=limits[0],
        first_token_s=limits[1], stall_s=limits[2],
    )  # fmt: skip
    if on_error == "fail":
        text = re.sub(r"  spare: .*\n", "", text)
    path = folder / f"{on_error}{len(more)}.yaml"
    path.write_text(text, encoding="utf-8")
    return ragkit.load(path)


class Served:
    """One server and the RAGs that ask it: one fails with it, one has a stand-in, one has a budget."""

    def __init__(self, index: Path, folder: Path) -> None:
        self.server = ChatServer(in_turn(reply("")))
        self.strict = served(self.server.url, index, folder, on_error="fail")
        self.spared = served(self.server.url, index, folder, on_error="spare")
        cached = "cache: {result: {ttl_s: 60}}"
        self.cached = served(self.server.url, index, folder, on_error="fail", more=cached)
        budget, patient = f"budget: {{wall_s: {WALL_S}}}", (30.0, 30.0, 30.0)
        self.hurried = served(self.server.url, index, folder, on_error="fail", more=budget, limits=patient)
        self.server.script = right
        for rag in (self.strict, self.spared, self.cached, self.hurried):
            rag.ask(ASKED["ru"])  # once, to load what is loaded when it is first needed

    def play(self, *responses: Raw) -> None:
        self.server.script, self.server.seen = in_turn(*responses), []

    def waited_s(self) -> float:
        """Since the last request came."""
        return time.monotonic() - self.server.seen[-1].at

    def close(self) -> None:
        for rag in (self.strict, self.spared, self.cached, self.hurried):
            rag.close()
        self.server.close()


@pytest.fixture(scope="module")
def at(handbook_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = Served(handbook_index, tmp_path_factory.mktemp("served"))
    yield made
    made.close()


def quoting(body: dict[str, Any]) -> str:
    """The sentence of a passage that speaks of SAML, or of what a visit costs, with its number."""
    for number, passage in re.findall(r"<<passage (\d+) \w+>>\n.*\n([\s\S]*?)\n<<end", _said(body)):
        for sentence in re.split(r"(?<=[.])\s+|\n", passage):
            if re.search("SAML|Выезд инженера стоит", sentence) and sentence.endswith("."):
                return f"{sentence} [{number}]"
    return "NO_ANSWER_IN_PASSAGES"


def _said(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"])


def right(body: dict[str, Any], **more: Any) -> Raw:
    """A right answer, in the form that is asked for."""
    text = quoting(body)
    if not body.get("stream"):
        return reply(text, **more)
    return stream(delta(text[:20]), delta(text[20:]), delta("", "stop"), USAGE, DONE)


def heard(rag: ragkit.RAG, question: str) -> tuple[list[Event], StageError | None]:
    """The events up to the error that ends them."""
    told: list[Event] = []
    try:
        for one in rag.stream(question):
            told.append(one)
    except StageError as error:
        return told, error
    return told, None


UTF8 = b'data: {"choices": [{"delta": {"content": "\xd0"}}]}\n\n'
HANGS = Raw([Hang(30)])
# name: (not streamed, streamed, the error, what it says, the seconds after which it must be there)
FAULTS: dict[str, tuple[Raw, Raw, type[ModelError], str, float]] = {
    "429": (failure(429), failure(429), RateLimitError, "answered 429", 1.0),
    "429, wait long": (
        failure(429, headers={"Retry-After": "60"}),
        failure(429, headers={"Retry-After": "60"}),
        RateLimitError,
        "answered 429",
        0.0,
    ),
    **{
        f"{status}": (failure(status), failure(status), ModelUnavailableError, f"answered {status}", 1.0)
        for status in (500, 502, 503, 504, 520, 529)
    },
    "slow": (HANGS, HANGS, ModelTimeoutError, "Give it more time", TIMEOUT_S),
    "stall": (
        Raw([b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", Hang(30)]),
        stream(delta("SAML single "), Hang(30)),
        ModelTimeoutError,
        "Give it more time",
        TIMEOUT_S,
    ),
    "end in the middle": (
        Raw([b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"choices": [', Cut()]),
        stream(delta("SAML single "), is_ended=False),
        ModelUnavailableError,
        "broke off",
        1.0,
    ),
    "error after 200": (
        body_of({"error": {"message": "worker died"}}),
        stream(delta("SAML single "), event({"error": {"message": "worker died"}})),
        ModelUnavailableError,
        "worker died",
        1.0,
    ),
    "cut UTF-8": (
        body_of(b'{"choices": [{"message": {"content": "\xd0"}}]}'),
        stream(delta("SAML single "), UTF8),
        InvalidOutputError,
        "broken UTF-8",
        0.0,
    ),
    "filtered": (
        reply("", choices=[{"message": {"content": "SAML sin"}, "finish_reason": "content_filter"}]),
        stream(delta("SAML single sign-on is. "), delta("", "content_filter"), USAGE, DONE),
        InvalidOutputError,
        "filter withheld the answer",
        0.0,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_ends_an_answer_in_its_error_and_in_time(at: Served, fault: str) -> None:
    whole, _, error, says, limit_s = FAULTS[fault]
    at.play(whole)
    with pytest.raises(StageError, match=re.escape(says)) as caught:
        at.strict.ask(ASKED["en"])
    assert at.waited_s() < limit_s + SLACK_S
    assert type(caught.value.__cause__) is error


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_ends_a_stream_without_done(at: Served, fault: str) -> None:
    _, streamed, error, says, limit_s = FAULTS[fault]
    at.play(streamed)
    told, caught = heard(at.strict, ASKED["en"])
    assert at.waited_s() < limit_s + SLACK_S
    assert caught is not None
    assert says in str(caught)
    assert type(caught.__cause__) is error
    assert not any(isinstance(one, Done) for one in told)
    with pytest.raises(ValueError, match="broke off"):
        fold(told)


@pytest.mark.parametrize(
    ("fault", "language"),
    [
        ("429, wait long", "en"), ("503", "ru"), ("slow", "en"), ("stall", "ru"),
        ("end in the middle", "en"), ("error after 200", "ru"), ("cut UTF-8", "en"), ("filtered", "ru"),
    ],
)  # fmt: skip
def test_with_a_stand_in_it_is_a_degraded_answer_and_never_no_information(
    at: Served, fault: str, language: str
) -> None:
    whole, streamed, *_ = FAULTS[fault]
    at.play(whole)
    asked = at.spared.ask(ASKED[language])
    at.play(streamed)
    told = fold(at.spared.stream(ASKED[language]))
    for answer in (asked, told):
        assert (answer.generator, answer.degraded) == ("generate/extractive", ("generate",))
        assert not answer.abstained
        assert answer.citations
        # What came of the model before it broke off is not in it.
        assert all(s.citations for s in answer.sentences)


@pytest.mark.parametrize("language", ASKED)
def test_nobody_at_the_address(handbook_index: Path, tmp_path: Path, language: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with served(url, handbook_index, tmp_path, on_error="fail") as rag:
            with pytest.raises(StageError, match=r"cannot be reached.*Is it running, is base_url right") as e:
                rag.ask(ASKED[language])
            assert type(e.value.__cause__) is ModelUnavailableError
            assert isinstance(heard(rag, ASKED[language])[1], StageError)
        with served(url, handbook_index, tmp_path, on_error="spare") as rag:
            answer = rag.ask(ASKED[language])
        assert (answer.generator, answer.abstained) == ("generate/extractive", False)


@pytest.mark.parametrize("first", [failure(429), failure(429, headers={"Retry-After": "0.3"}), failure(503)])
def test_what_passes_is_not_seen_in_the_answer(at: Served, first: Raw) -> None:
    at.server.seen = []
    at.server.script = lambda body: first if len(at.server.seen) == 1 else right(body)
    answer = at.strict.ask(ASKED["en"])
    assert answer.citations
    assert answer.degraded == ()
    assert len(at.server.seen) == 2
    at.server.seen = []
    assert fold(at.strict.stream(ASKED["en"])).text == answer.text
    assert len(at.server.seen) == 2


def test_tokens_that_were_not_told_are_unknown(at: Served) -> None:
    at.server.script = lambda body: right(body, usage=None)
    usage = at.strict.ask(ASKED["en"]).usage
    assert (usage.input_tokens, usage.output_tokens, usage.usd) == (None, None, None)
    at.server.script = lambda body: stream(delta(quoting(body)), delta("", "stop"), DONE)
    assert fold(at.strict.stream(ASKED["en"])).usage.output_tokens is None
    at.server.script = right
    assert fold(at.strict.stream(ASKED["en"])).usage.output_tokens == 5


def test_a_part_of_an_answer_is_marked_and_not_kept(at: Served) -> None:
    def part(body: dict[str, Any]) -> Raw:
        text = f"{quoting(body)} It also offers a thi"
        if body.get("stream"):
            return stream(delta(text), delta("", "length"), USAGE, DONE)
        return reply("", choices=[{"message": {"content": text}, "finish_reason": "length"}])

    at.server.script = part
    for answer in (at.cached.ask(ASKED["en"]), fold(at.cached.stream(ASKED["en"]))):
        assert answer.degraded == ("generate: the answer was cut at max_tokens",)
        assert "thi" not in answer.text.split()
        assert answer.citations
    at.server.script, at.server.seen = right, []
    assert at.cached.ask(ASKED["en"]).degraded == ()
    assert len(at.server.seen) == 1
    assert at.cached.ask(ASKED["en"]).citations
    assert len(at.server.seen) == 1


@pytest.mark.parametrize(
    ("whole", "streamed"),
    [(HANGS, HANGS), (HANGS, stream(*[piece for _ in range(99) for piece in (delta("SAML "), Hang(0.1))]))],
)
def test_within_a_budget_of_time_a_stalled_model_is_replaced(at: Served, whole: Raw, streamed: Raw) -> None:
    at.play(whole)
    asked, asked_s = at.hurried.ask(ASKED["en"]), at.waited_s()
    at.play(streamed)
    told, told_s = fold(at.hurried.stream(ASKED["en"])), at.waited_s()
    for answer, took_s in ((asked, asked_s), (told, told_s)):
        assert took_s < WALL_S + 0.1
        assert answer.generator == "generate/extractive"
        assert answer.degraded[0] == "budget: generate replaced by an extractive answer"
        assert answer.citations
        assert answer.usage.input_tokens is None


def test_a_stand_in_that_finds_nothing_does_not_deny_that_there_is_anything(
    handbook_index: Path, tmp_path: Path
) -> None:
    said = "answered 503.*'spare', which stands in for it, found no answer in the 5 passages"
    with serving(failure(503)) as server:
        with served(server.url, handbook_index, tmp_path, on_error="spare"):
            path = next(tmp_path.glob("*.yaml"))
        with ragkit.load(path, set={"query.spare.min_confidence": 1.0}) as rag:
            with pytest.raises(StageError, match=said):
                rag.ask(ASKED["en"])
            told, caught = heard(rag, ASKED["en"])
    assert caught is not None
    assert not any(isinstance(one, Done) for one in told)


def test_tokens_are_told_before_a_stream_breaks_off(at: Served) -> None:
    text = "SAML single sign-on is part of a plan. And"
    at.play(stream(delta(text[:12]), delta(text[12:]), Cut()))
    told, caught = heard(at.strict, ASKED["en"])
    assert caught is not None
    assert "".join(one.text for one in told if isinstance(one, Token)).startswith("SAML")
