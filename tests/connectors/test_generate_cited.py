"""`generate/cited` over HTTP: a whole RAG whose model is a server, and what comes where that misbehaves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import ragkit
from ragkit.errors import StageError
from tests.connectors.chat_server import (
    ChatServer,
    Hang,
    Raw,
    Script,
    failure,
    in_turn,
    reply,
    serving,
    stream,
)

pytestmark = pytest.mark.skipif(find_spec("httpx") is None, reason="needs the extra openai")

CONFIG = """
ragkit: 1
models:
  embed: {{use: embed/bundled}}
  served:
    use: llm/openai
    base_url: "{url}"
    model: served
    retries: 0
    timeout_s: 5
    price: {{input: 1.0, output: 2.0}}
stores: {{local: {{use: store/local, path: {index}}}}}
collection: {{store: local, embed: embed}}
query:
  sparse: {{use: retrieve/bm25}}
  fuse: {{use: fuse/rrf, in: [sparse], k: 5}}
  generate: {{use: generate/cited, llm: served, {more}}}
  {spare}
  verify: {{use: verify/citations, in: generate}}
"""
SPARE = "spare: {use: generate/extractive}"
QUESTION = "Which plan offers SAML single sign-on?"


@contextmanager
def answering(
    index: Path, folder: Path, script: Script, more: str = "temperature: 0", spare: str = ""
) -> Iterator[tuple[ragkit.RAG, ChatServer]]:
    server = ChatServer(script)
    config = folder / "rag.yaml"
    config.write_text(CONFIG.format(url=server.url, index=index, more=more, spare=spare), encoding="utf-8")
    try:
        with ragkit.load(config) as rag:
            yield rag, server
    finally:
        server.close()


def quoting(body: dict[str, Any]) -> Raw:
    """Answers with the sentence of a passage that speaks of SAML, and cites it by its number."""
    user = body["messages"][-1]["content"]
    for number, passage in re.findall(r"<<passage (\d+) \w+>>\n.*\n([\s\S]*?)\n<<end", user):
        for sentence in re.split(r"(?<=[.])\s+|\n", passage):
            if "SAML" in sentence and sentence.endswith("."):
                return reply(f"{sentence} [{number}]")
    return reply("NO_ANSWER_IN_PASSAGES")


def test_an_answer_of_a_served_model_is_cited_and_checked(handbook_index: Path, tmp_path: Path) -> None:
    with answering(handbook_index, tmp_path, quoting) as (rag, server):
        answer = rag.ask(QUESTION)
        assert not answer.abstained
        assert answer.generator == "generate/cited"
        assert answer.citations
        for c in answer.citations:
            assert c.quote == rag.source(c.document_id)[c.start : c.end]
            assert "SAML" in c.quote
    (seen,) = server.seen
    assert seen.body["temperature"] == 0
    assert [m["role"] for m in seen.body["messages"]] == ["system", "user"]
    usage = answer.usage
    assert (usage.input_tokens, usage.output_tokens) == (10, 5)
    assert usage.usd == pytest.approx(20e-6)
    assert usage.seconds > 0


def test_what_is_sent_is_what_ragkit_prompt_shows(handbook_index: Path, tmp_path: Path) -> None:
    with answering(handbook_index, tmp_path, quoting) as (rag, server):
        shown = rag.prompt(QUESTION)
        assert server.seen == []
        rag.ask(QUESTION)
    assert server.seen[0].body["messages"] == [{"role": m.role, "content": m.text} for m in shown]


def test_an_invented_number_is_not_shown(handbook_index: Path, tmp_path: Path) -> None:
    script = in_turn(reply("SAML costs 99 417 euros a day. [1]"))
    with answering(handbook_index, tmp_path, script) as (rag, _):
        answer = rag.ask(QUESTION)
    assert "99 417" not in answer.text
    assert (answer.abstained, answer.reason) == (True, "unsupported")


def test_the_large_model_answers_where_the_small_one_is_full(handbook_index: Path, tmp_path: Path) -> None:
    with serving(failure(429)) as small, serving(script=quoting) as large:
        text = CONFIG.format(url=large.url, index=handbook_index, more="temperature: 0", spare="")
        tiers = f"""
  small: {{use: llm/openai, base_url: "{small.url}", model: small, retries: 0}}
  chat: {{use: llm/route, tiers: [small, served], fallback_on: [rate_limit]}}
stores:"""
        text = text.replace("\nstores:", tiers, 1).replace("llm: served", "llm: chat")
        (tmp_path / "rag.yaml").write_text(text, encoding="utf-8")
        with ragkit.load(tmp_path / "rag.yaml") as rag:
            answer = rag.ask(QUESTION)
            facts = rag.trace(answer.trace_id)["nodes"][-2]["facts"]
    assert "SAML" in answer.text
    assert (len(small.seen), len(large.seen), facts["attempts"]) == (1, 1, 2)
    assert answer.usage.usd == pytest.approx(20e-6)


def test_a_model_that_abstains_is_no_evidence(handbook_index: Path, tmp_path: Path) -> None:
    with answering(handbook_index, tmp_path, in_turn(reply("NO_ANSWER_IN_PASSAGES"))) as (rag, _):
        answer = rag.ask("Какой тариф даёт SAML?")
    assert (answer.abstained, answer.reason) == (True, "no_evidence")
    assert answer.text == "В документах нет ответа на этот вопрос."


FAULTS: dict[str, tuple[Raw, str]] = {
    "down": (failure(503), "answered 503"),
    "full": (failure(429), "answered 429"),
    "key": (failure(401, "bad key"), "Set api_key"),
    "window": (failure(400, "too many tokens", "context_length_exceeded"), "Send fewer or shorter passages"),
    "slow": (stream(Hang(30)), "no result within its timeout_s of 0.3"),
    "empty": (reply(""), "the answer is empty"),
    "filtered": (
        reply("", choices=[{"message": {"content": ""}, "finish_reason": "content_filter"}]),
        "filter withheld",
    ),
    "cut": (
        reply("", choices=[{"message": {"content": "The pl"}, "finish_reason": "length"}]),
        "Raise max_tokens",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_an_error_that_says_what_mends_it(
    handbook_index: Path, tmp_path: Path, fault: str
) -> None:
    response, said = FAULTS[fault]
    with (
        answering(handbook_index, tmp_path, in_turn(response), "timeout_s: 0.3") as (rag, _),
        pytest.raises(StageError, match=re.escape(said)),
    ):
        rag.ask(QUESTION)


@pytest.mark.parametrize("fault", ["down", "empty", "slow"])
def test_a_fault_with_a_stand_in_is_a_degraded_answer(
    handbook_index: Path, tmp_path: Path, fault: str
) -> None:
    more = "timeout_s: 0.3, on_error: spare"
    with answering(handbook_index, tmp_path, in_turn(FAULTS[fault][0]), more, SPARE) as (rag, _):
        answer = rag.ask(QUESTION)
    assert (answer.generator, answer.degraded) == ("generate/extractive", ("generate",))
    assert answer.citations
