"""`retrieve/multihop` with a chat model, in a graph of YAML, over HTTP, with the real client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import ragkit
from tests.connectors.chat_server import Hang, Raw, failure, reply, serving
from tests.unit.retrieve.linked import MULTIHOP, QUESTION, ids, over

MODEL = '  small: {use: llm/openai, base_url: "http://127.0.0.1:1/v1", model: m, retries: 0}\n'
ASKING = MULTIHOP.replace("use: retrieve/multihop", "use: retrieve/multihop, llm: small")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    with over(tmp_path, ASKING, models=MODEL):
        return tmp_path / "rag.yaml"


def follows_the_name(body: dict[str, Any]) -> Raw:
    """Asks for the director once a passage names her, and then has enough."""
    shown = body["messages"][-1]["content"]
    is_found = "came into the world" in shown
    query = "" if is_found or "Vera Lindqvist" not in shown else "Vera Lindqvist"
    return reply(json.dumps({"enough": is_found, "query": query}))


def test_a_server_says_what_to_search_for_and_is_counted(config: Path) -> None:
    with serving(script=follows_the_name) as server:
        settings = {"models.small.base_url": server.url, "query.multihop.hops": 4}
        with ragkit.load(config, set=settings) as rag:
            found = rag.retrieve(QUESTION, k=4)
            answer = rag.ask(QUESTION)
        assert len(server.seen) == 4
    assert ids(found)[:2] == ["film", "vera"]
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (20, 10)
    assert answer.degraded == ()


def test_a_server_that_is_down_leaves_what_was_found(config: Path) -> None:
    with (
        serving(failure(500)) as server,
        ragkit.load(config, set={"models.small.base_url": server.url}) as rag,
    ):
        found = rag.retrieve(QUESTION, k=4)
        plain = rag.retrieve(QUESTION, k=4, retriever="hybrid")
    assert ids(found) == ids(plain)
    assert found.degraded[0].startswith("multihop: went on with what was found: ModelUnavailableError")


def test_a_server_that_is_slow_is_not_waited_for(config: Path) -> None:
    with serving(Raw([Hang(20.0)])) as server:
        settings = {
            "models.small.base_url": server.url,
            "query.multihop.timeout_s": 0.3,
            "query.multihop.on_error": "skip",
        }
        with ragkit.load(config, set=settings) as rag:
            answer = rag.ask(QUESTION)
    assert any("multihop" in one for one in answer.degraded)
    assert answer.usage.seconds < 10


def test_a_budget_too_small_for_the_model_does_without_it(config: Path) -> None:
    with serving(script=follows_the_name) as server:
        settings = {"models.small.base_url": server.url, "budget": {"tokens": 50}}
        with ragkit.load(config, set=settings) as rag:
            answer = rag.ask(QUESTION)
    assert server.seen == []
    assert answer.degraded == ("budget: multihop skipped",)
