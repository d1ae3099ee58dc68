"""`ragkit questions --llm` over HTTP: a server that answers as a chat model would."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ragkit.cli import main
from ragkit.evaluation.manifest import load_manifest
from tests.conftest import ROOT
from tests.connectors.chat_server import ChatServer, Raw, reply

pytestmark = pytest.mark.skipif(find_spec("httpx") is None, reason="needs the extra openai")

CONFIG = """
ragkit: 1
models:
  embed: {{use: embed/bundled}}
  writer: {{use: llm/openai, base_url: "{url}", model: served}}
stores:
  local: {{use: store/local, path: ./index}}
collection: {{store: local, embed: embed}}
query:
  sparse: {{use: retrieve/bm25}}
  fuse: {{use: fuse/rrf, in: [sparse]}}
  generate: {{use: generate/extractive}}
"""


def written(body: dict[str, Any]) -> Raw:
    """A question about the first number of the passage."""
    passage = body["messages"][-1]["content"].partition("<passage>")[2]
    number = re.search(r"\d+ [a-zа-я]+", passage)
    about = " ".join(re.findall(r"[^\W\d_]{7,}", passage)[:5])
    pairs = [{"question": f"What is told of {about}?", "answer": number[0]}] if number else []
    return reply(json.dumps({"questions": pairs}))


def test_a_model_writes_questions_for_a_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = ChatServer(written)
    try:
        config = tmp_path / "rag.yaml"
        config.write_text(CONFIG.format(url=server.url))
        docs, out = ROOT / "examples/corpus/en", tmp_path / "set"
        arguments = ["questions", str(docs), "-o", str(out), "-n", "30", "--llm", "writer"]
        assert main([*arguments, "--config", str(config)]) == 0
    finally:
        server.close()
    data = load_manifest(out / "test.yaml")
    kinds = [question.metadata["kind"] for question in data.judged.values()]
    assert kinds.count("llm") >= 3
    assert server.seen[0].body["temperature"] == 0
    assert "writer: 30 replies, 0 failed calls" in capsys.readouterr().out


def test_a_name_that_is_no_chat_model_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "rag.yaml"
    config.write_text(CONFIG.format(url="http://127.0.0.1:9"))
    arguments = ["questions", str(ROOT / "examples/corpus/en"), "-o", str(tmp_path / "set"), "--llm", "embed"]
    assert main([*arguments, "--config", str(config)]) == 2
    assert "a chat model (llm/…) is needed here" in capsys.readouterr().err
