"""The README says what is so: its names, its YAML and its Python."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ragkit import registry
from ragkit.cli import VERBS
from ragkit.config.load import load_config

ROOT = Path(__file__).parents[2]
READMES = [path for path in (ROOT / "README.md", ROOT / "README.ru.md") if path.exists()]


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("readme", READMES, ids=lambda p: p.name)
def test_the_table_lists_every_name_that_can_be_used(readme: Path) -> None:
    rows = [line for line in readme.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    listed = {name for row in rows for name in re.findall(r"`([a-z0-9]+/[a-z0-9-]+)`", row)}
    assert listed == set(registry.BUILT_IN)


@pytest.mark.parametrize("readme", READMES, ids=lambda p: p.name)
def test_the_yaml_loads(readme: Path) -> None:
    for block in blocks(readme, "yaml"):
        assert load_config(block).graph.output == "verify"


@pytest.mark.parametrize("readme", READMES, ids=lambda p: p.name)
def test_the_python_is_python(readme: Path) -> None:
    assert blocks(readme, "python")
    for block in blocks(readme, "python"):
        ast.parse(block)


@pytest.mark.parametrize("readme", READMES, ids=lambda p: p.name)
def test_every_verb_that_is_shown_exists(readme: Path) -> None:
    commands = "".join(blocks(readme, ""))
    shown = set(re.findall(r"^ragkit ([a-z-]+)", commands, flags=re.MULTILINE))
    assert shown
    assert shown <= set(VERBS)


@pytest.mark.parametrize("readme", READMES, ids=lambda p: p.name)
def test_each_row_stands_in_a_table(readme: Path) -> None:
    """A blank line among the rows ends a table, and what comes after is shown as text."""
    text = readme.read_text(encoding="utf-8")
    tables = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    assert [t for t in tables if not re.match(r"\|.*\n\|[-|]+\n", t)] == []


def test_both_show_the_same_commands_and_the_same_report() -> None:
    english, russian = (
        [
            [line.partition("  #")[0].rstrip() for line in block.strip().splitlines()]
            for block in path.read_text(encoding="utf-8").split("```")[1::2]
        ]
        for path in READMES
    )
    starts = ("ragkit questions", "handbook", "ragkit certify")
    shown = [block for block in english if block[0].startswith(starts)]
    assert len(shown) == len(starts)
    assert [block for block in shown if block not in russian] == []


def test_both_say_whose_the_name_on_pypi_is() -> None:
    assert all("PyPI" in path.read_text(encoding="utf-8") for path in READMES)
