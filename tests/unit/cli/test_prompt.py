"""`ragkit prompt`: what a chat model would be asked, without asking it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ragkit
from ragkit.cli import main
from ragkit.errors import GraphError
from ragkit.generate.cited import PLACES
from ragkit.text.template import load_template
from ragkit.types import Turn

CONFIG = """ragkit: 1
models:
  embed: {{use: embed/bundled}}
  taped: {{use: llm/replay, folder: tapes}}
stores: {{local: {{use: store/local, path: {index}}}}}
collection: {{store: local, embed: embed}}
query:
  sparse: {{use: retrieve/bm25}}
  fuse: {{use: fuse/rrf, in: [sparse], k: 3}}
  generate: {{use: generate/extractive, on_error: backup}}
  backup: {{use: generate/cited, llm: taped}}
  verify: {{use: verify/citations, in: generate}}
"""
QUESTION = "Which plan offers SAML single sign-on?"


@pytest.fixture
def config(handbook_index: Path, tmp_path: Path) -> Path:
    path = tmp_path / "rag.yaml"
    path.write_text(CONFIG.format(index=handbook_index), encoding="utf-8")
    return path


def test_a_question_shows_the_messages_with_its_passages(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prompt", QUESTION, "--config", str(config)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("--- system ---\nYou answer questions from passages")
    assert out.endswith(f"Question: {QUESTION}\n")
    assert "SAML" in out.partition("<<passage 1 ")[2].partition("<<end 1 ")[0]
    assert err.startswith("about ")


def test_json_has_the_messages(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompt", "Какой тариф даёт SAML?", "--config", str(config), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [m["role"] for m in told["messages"]] == ["system", "user"]
    assert told["messages"][0]["text"].startswith("Ты отвечаешь на вопросы")
    assert told["tokens"] > 100


@pytest.mark.parametrize("language", ["en", "ru"])
def test_without_a_question_the_file_is_shown_and_can_be_used(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    assert main(["prompt", "--config", str(config), "--language", language]) == 0
    own = tmp_path / "own.txt"
    own.write_text(capsys.readouterr().out, encoding="utf-8")
    assert "{passages}" in load_template(own, PLACES).user


def test_a_graph_without_a_prompt_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["prompt", "--index", str(tmp_path)]) == 2
    assert "no stage of this graph asks a chat model" in capsys.readouterr().err


def test_the_stage_that_answers_is_shown_and_not_the_one_that_corrects(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = """
  first: {use: verify/citations, on_unsupported: regenerate, in: generate}
  reflect: {use: generate/reflect, llm: taped}
  verify: {use: verify/citations}
"""
    text = config.read_text(encoding="utf-8").replace(
        "  verify: {use: verify/citations, in: generate}", graph
    )
    config.write_text(text, encoding="utf-8")
    assert main(["prompt", "--config", str(config), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["node"] == "backup"
    assert main(["prompt", "--config", str(config), "--node", "reflect"]) == 0
    assert "Your answer was checked against the passages" in capsys.readouterr().out


def test_in_python_it_takes_history_and_a_node(config: Path) -> None:
    with ragkit.load(config) as rag:
        turns = (Turn("user", "What is sold?"), Turn("assistant", "Plans."))
        messages = rag.prompt(QUESTION, node="backup", history=turns)
        assert [m.role for m in messages] == ["system", "user", "assistant", "user"]
        with pytest.raises(GraphError, match=r"'fuse' is no node with a prompt\. Nodes with one: backup"):
            rag.prompt(QUESTION, node="fuse")


def test_a_stage_that_understands_the_question_shows_its_prompt(
    handbook_index: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = "  condense: {{use: query/condense, llm: taped, when: history}}\n  sparse: {{use: retrieve/bm25}}"
    path = tmp_path / "rag.yaml"
    text = CONFIG.replace("  sparse: {{use: retrieve/bm25}}", nodes).format(index=handbook_index)
    path.write_text(text, encoding="utf-8")
    asked = ["prompt", "And abroad?", "--config", str(path), "--node", "condense"]
    assert main([*asked, "--turn", "How long is the warranty?", "--turn", "Two years."]) == 0
    shown = capsys.readouterr().out
    assert '{"role": "assistant", "text": "Two years."}' in shown
    assert shown.endswith("Last question: And abroad?\n")
    assert main(["prompt", "--config", str(path), "--node", "condense", "--language", "ru"]) == 0
    assert capsys.readouterr().out.startswith("Ты готовишь вопросы для поиска")


def test_a_stage_without_a_model_has_no_prompt(
    handbook_index: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prompt", "How long?", "--index", str(handbook_index), "--node", "condense"]) == 2
    assert "no stage of this graph asks a chat model" in capsys.readouterr().err
