"""A stage asks a model over HTTP, through the real client, and a graph of YAML does it by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ragkit
from ragkit import Document, Turn
from tests.connectors.chat_server import failure, reply, serving

CONFIG = """ragkit: 1
models:
  embed: {use: embed/bundled}
  small: {use: llm/openai, base_url: "http://127.0.0.1:1/v1", model: m, retries: 0}
stores: {local: {use: store/local, path: ./index}}
collection: {store: local, embed: embed, fields: {lang: keyword}}
query:
  condense: {use: query/condense, llm: small, when: history}
  classify: {use: query/classify}
  sparse: {use: retrieve/bm25}
  fuse: {use: fuse/rrf, k: 3}
  generate: {use: generate/extractive, min_confidence: 0.01}
  verify: {use: verify/citations}
"""
PAGES = [
    Document("a", "The warranty of a scanner lasts two years.", metadata={"lang": "en"}),
    Document("b", "Outside of Europe the warranty lasts one year.", metadata={"lang": "en"}),
    Document("c", "The canteen is open outside of the holidays.", metadata={"lang": "en"}),
]
HISTORY = [Turn("user", "How long is the warranty?"), Turn("assistant", "It lasts two years. [1]")]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "rag.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    with ragkit.load(path) as rag:
        rag.ingest(PAGES, progress=False)
    return path


def test_a_follow_up_is_answered_by_what_the_model_made_of_it(config: Path) -> None:
    said = json.dumps({"question": "How long is the warranty outside of Europe?"})
    with (
        serving(reply(said)) as server,
        ragkit.load(config, set={"models.small.base_url": server.url}) as rag,
    ):
        answer = rag.ask("And outside of Europe?", history=HISTORY)
        facts = {node["node"]: node["facts"] for node in rag.trace(answer.trace_id)["nodes"]}
        rag.ask("How long is the warranty?")
    assert answer.citations[0].document_id == "b"
    assert (answer.question, answer.degraded) == ("And outside of Europe?", ())
    assert (facts["condense"]["model"], facts["condense"]["input_tokens"]) == ("served", 10)
    assert facts["classify"]["intent"] == "lookup"
    # Without a history the model is not asked.
    assert len(server.seen) == 1
    body = server.seen[0].body
    assert "How long is the warranty?" in body["messages"][1]["content"]
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["question"]


def test_a_model_that_is_down_is_told_and_the_question_answered(config: Path) -> None:
    with (
        serving(failure(500)) as server,
        ragkit.load(config, set={"models.small.base_url": server.url}) as rag,
    ):
        answer = rag.ask("How long is the warranty of a scanner?", history=HISTORY)
    assert answer.citations[0].document_id == "a"
    assert answer.degraded[0].startswith("condense: left the question as it was: ModelUnavailableError")


def test_a_recording_gives_the_same_without_the_server(config: Path, tmp_path: Path) -> None:
    said = json.dumps({"question": "How long is the warranty outside of Europe?"})
    text = config.read_text(encoding="utf-8").replace(
        "stores:", "  taped: {use: llm/replay, folder: tapes, model: small, mode: record}\nstores:"
    )
    config.write_text(text.replace("llm: small", "llm: taped"), encoding="utf-8")
    texts = []
    with serving(reply(said)) as server:
        address = {"models.small.base_url": server.url}
        for mode in ("record", "replay"):
            with ragkit.load(config, set={**address, "models.taped.mode": mode}) as rag:
                texts.append(rag.ask("And outside of Europe?", history=HISTORY).text)
    assert texts[0] == texts[1]
    assert len(server.seen) == 1
    assert len(list((tmp_path / "tapes").iterdir())) == 1
