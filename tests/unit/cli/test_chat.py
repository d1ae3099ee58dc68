"""`ragkit chat`: the turns before are told, and one failure does not end it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from ragkit import registry
from ragkit.chat import Completion
from ragkit.cli import main
from ragkit.errors import ModelUnavailableError
from ragkit.settings import Settings
from tests.unit.generate.scripted import Scripted

CONFIG = """ragkit: 1
models:
  embed: {{use: embed/bundled}}
  toy: {{use: llm/toy-chat}}
stores: {{local: {{use: store/local, path: {index}}}}}
collection: {{store: local, embed: embed}}
query:
  sparse: {{use: retrieve/bm25}}
  fuse: {{use: fuse/rrf, in: [sparse], k: 3}}
  generate: {{use: generate/cited, llm: toy}}
  verify: {{use: verify/citations}}
"""
MADE: list[ToyChat] = []


class ToyChat(Scripted):
    """Answers, then fails, then answers again."""

    use = "llm/toy-chat"
    Config = Settings

    def __init__(self) -> None:
        said = Completion("NO_ANSWER_IN_PASSAGES", model="toy", finish_reason="stop")
        super().__init__(said, said, ModelUnavailableError("it is down"), said)
        MADE.append(self)


def talk(
    lines: str, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *options: str
) -> tuple[int, ToyChat]:
    registry.register(ToyChat)
    config = tmp_path / "rag.yaml"
    config.write_text(CONFIG.format(index=index), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    return main(["chat", "--config", str(config), *options]), MADE[-1]


def test_each_question_is_told_with_the_turns_before(
    handbook_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "Which plan offers SAML?\n\nAnd what does it cost?\nAnd the other plan?\n/new\nWhich has SAML?\n"
    code, toy = talk(lines, handbook_index, tmp_path, monkeypatch)
    turns = [[(m.role, m.text) for m in asked[1:-1]] for asked in toy.asked]
    answer = "The documents do not answer this question."
    first = [("user", "Which plan offers SAML?"), ("assistant", answer)]
    second = [("user", "And what does it cost?"), ("assistant", answer)]
    assert turns == [[], first, first + second, []]
    assert code == 1
    out, err = capsys.readouterr()
    assert out.count(answer) == 3
    assert "it is down" in err


def test_exit_ends_it(handbook_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, toy = talk("Which plan offers SAML?\n/exit\nMore?\n", handbook_index, tmp_path, monkeypatch)
    assert (code, len(toy.asked)) == (0, 1)


def test_json_has_all_turns(
    handbook_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "Which plan offers SAML?\nAnd what does it cost?\nAnd the other plan?\n"
    code, _ = talk(lines, handbook_index, tmp_path, monkeypatch, "--json")
    turns = json.loads(capsys.readouterr().out)["turns"]
    assert [turn["question"] for turn in turns] == lines.splitlines()
    assert ("abstained" in turns[0], "it is down" in turns[2]["error"], code) == (True, True, 1)
