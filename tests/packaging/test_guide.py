"""The guide says what is so: its Python and commands run and print what it shows, its YAML loads."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from ragkit.cli import VERBS
from ragkit.config.defaults import default_text
from ragkit.config.load import load_config
from ragkit.errors import ConfigError

ROOT = Path(__file__).parents[2]
INDEX = ROOT / "docs" / "guide" / "README.md"
PAGES = sorted(INDEX.parent.glob("*.md"))
END = "--- end of a block ---"
# What a page needs that not every environment of the tests has.
NEEDS = {"langchain": "langchain_text_splitters", "llamaindex": "llama_index"}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its lines, and the index of its first line in the page."""

    language: str
    lines: tuple[str, ...]
    start: int

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def blocks(page: Path) -> list[Block]:
    found, opened = [], None
    lines = page.read_text(encoding="utf-8").splitlines()
    for n, line in enumerate(lines):
        if line.startswith("```"):
            if opened is not None:
                found.append(Block(lines[opened][3:], tuple(lines[opened + 1 : n]), opened + 1))
            opened = n if opened is None else None
    return found


def program(page: Path) -> str:
    """The page's Python and commands as one script, each line where it stands in the page."""
    script = [""] * len(page.read_text(encoding="utf-8").splitlines())
    for block in blocks(page):
        if block.language in {"python", "sh"}:
            for n, line in enumerate(block.lines, start=block.start):
                script[n] = line if block.language == "python" else command(line)
            script[block.start + len(block.lines)] = f"print({END!r})"
    return "\n".join(script)


def file_of(block: Block) -> str | None:
    """The file that a block is, where its first line says so: `# suite.yaml`."""
    named = re.fullmatch(r"# ([\w-]+\.yaml)", block.lines[0]) if block.lines else None
    return named[1] if named else None


def command(line: str) -> str:
    words = shlex.split(line, comments=True)
    if not words:
        return ""
    if words[0] != "ragkit":
        raise ValueError(f"{line!r}: an sh block of the guide holds ragkit commands alone")
    return f"assert __import__('ragkit.cli').cli.main({words[1:]!r}) == 0"


@pytest.mark.parametrize("page", [p for p in PAGES if p != INDEX], ids=lambda p: p.stem)
def test_its_code_runs_and_prints_what_it_says(page: Path, tmp_path: Path) -> None:
    if package := NEEDS.get(page.stem):
        pytest.importorskip(package)
    runnable = [b for b in blocks(page) if b.language in {"python", "sh"}]
    (tmp_path / "docs").symlink_to(ROOT / "examples" / "corpus", target_is_directory=True)
    for block in blocks(page):
        if named := file_of(block):
            (tmp_path / named).write_text(f"{block.text}\n", encoding="utf-8")
    script = tmp_path / f"{page.stem}.md.py"
    script.write_text(program(page), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'connectors'}", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    printed = dict(zip((b.start for b in runnable), ran.stdout.split(f"{END}\n"), strict=False))
    last: Block | None = None
    for block in blocks(page):
        if block.language == "text":
            assert last is not None, f"{page.name}:{block.start}: output of nothing"
            assert printed[last.start].strip() == block.text
        last = block if block in runnable else None


@each_page
def test_its_yaml_loads(page: Path) -> None:
    for block in blocks(page):
        if block.language == "yaml" and file_of(block) is None:
            loads(block.text)


def loads(text: str) -> None:
    """Loads a whole file; a part of one replaces that part of the default; models stand beside."""
    try:
        if text.startswith("ragkit: 1"):
            load_config(text + "\n", env={})
        else:
            parts = yaml.safe_load(text)
            beside = {f"models.{name}": model for name, model in parts.pop("models", {}).items()}
            load_config(default_text(), set={**parts, **beside}, env={})
    except ConfigError as e:
        # What an optional package would bring is described whether or not it is installed.
        wrong = [problem for problem in e.problems if "which is not installed" not in problem]
        assert not wrong, "\n".join(wrong)


@each_page
def test_every_verb_it_names_exists(page: Path) -> None:
    named = re.findall(r"(?:^|`)ragkit ([a-z-]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(named) <= set(VERBS)


@each_page
def test_its_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


def test_the_index_lists_every_page() -> None:
    listed = set(re.findall(r"\]\(([a-z-]+\.md)\)", INDEX.read_text(encoding="utf-8")))
    assert listed == {page.name for page in PAGES if page != INDEX}
