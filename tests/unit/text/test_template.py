"""Prompts as files: what is wrong with one is told by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.config.load import load_config
from ragkit.errors import ConfigError
from ragkit.generate.cited import PLACES, CitedGenerate
from ragkit.text.template import LANGUAGES, Places, Template, built_in, load_template

GOOD = "Say {no_answer} or cite. {fence}\n=== user ===\n{passages}\n{question}\n"
CONFIG = """ragkit: 1
models:
  embed: {use: embed/bundled}
  taped: {use: llm/replay, folder: tapes}
stores: {local: {use: store/local, path: ./index}}
collection: {store: local, embed: embed}
query:
  sparse: {use: retrieve/bm25}
  fuse: {use: fuse/rrf, in: [sparse]}
  generate:
    use: generate/cited
    llm: taped
    prompt: tone.txt
  verify: {use: verify/citations}
"""


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        Template.parsed(text, "p.txt", PLACES)
    return raised.value.problems


def test_braces_in_what_is_filled_in_are_text() -> None:
    template = Template.parsed("{a} {{b}} {c}\n=== user ===\n{a}", "p.txt", Places(("a", "c")))
    first, second = template.messages({"a": "{c}{{}}", "c": "{a}"})
    assert (first.text, second.text) == ("{c}{{}} {b} {a}", "{c}{{}}")


def test_without_a_system_part_there_is_one_message() -> None:
    (only,) = Template.parsed("=== user ===\n{q}", "p.txt", Places(("q",))).messages({"q": "Why?"})
    assert (only.role, only.text) == ("user", "Why?")


def test_every_mistake_is_told_with_its_line() -> None:
    text = GOOD.replace("or cite.", "or cite.\n{questoin}\na } alone\n{}").replace("{fence}", "")
    assert problems(text) == (
        "p.txt:2: {questoin}: unknown place. Did you mean 'question'? Places: passages, question, no_answer, "
        "fence, language; write braces twice where text is meant",
        "p.txt:3: a } that stands alone; write it twice for a brace",
        "p.txt:4: {}: unknown place. Places: passages, question, no_answer, fence, language; "
        "write braces twice where text is meant",
        "p.txt:7: nowhere {fence}; the prompt must have it",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "p.txt:1: no line '=== user ==='"),
        (GOOD + "=== user ===\n", "p.txt:5: a second line '=== user ==='; remove it"),
    ],
)
def test_the_line_between_the_parts_is_there_once(text: str, said: str) -> None:
    assert problems(text)[0].startswith(said)


@pytest.mark.parametrize("language", [*LANGUAGES, "de"])
def test_ours_are_in_order(language: str) -> None:
    template = built_in("ragkit.generate", "cited", language, PLACES)
    assert template.where == f"cited.{'ru' if language == 'ru' else 'en'}.txt"


def test_a_config_names_the_line_of_the_prompt_beside_its_own(tmp_path: Path) -> None:
    (tmp_path / "rag.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "tone.txt").write_text(GOOD.replace("{question}", "{qestion}"), encoding="utf-8")
    said = r"rag.yaml:13: query.generate.prompt: .*tone.txt:4: \{qestion\}: .*Did you mean 'question'"
    with pytest.raises(ConfigError, match=said):
        load_config(tmp_path / "rag.yaml")


def test_a_config_with_a_prompt_of_its_own_uses_it(tmp_path: Path) -> None:
    (tmp_path / "rag.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "tone.txt").write_text(GOOD, encoding="utf-8")
    stage = load_config(tmp_path / "rag.yaml").graph.nodes[-2].stage
    assert isinstance(stage, CitedGenerate)
    assert stage.template("Why?").text == GOOD


def test_a_prompt_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file\. `ragkit prompt` prints the one to start from"):
        load_template(tmp_path / "none.txt", PLACES)
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read as UTF-8 text"):
        load_template(tmp_path / "bytes.txt", PLACES)
