"""Every example runs, as a user would run it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
MAX_LINES = 60
NEEDS = {"09_langchain": "langchain_core", "10_llamaindex": "llama_index", "11_import": "llama_index"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_it_runs_and_says_something(script: Path, tmp_path: Path) -> None:
    if package := NEEDS.get(script.stem):
        pytest.importorskip(package)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_it_is_short(script: Path) -> None:
    assert len(script.read_text(encoding="utf-8").splitlines()) < MAX_LINES


def test_the_demo_answers_in_both_languages() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "demo.py")], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.count("❯") == 3
    assert "Ремонт занимает не более 20 рабочих дней" in done.stdout
    assert "corpus/en/admin/plans.md" in done.stdout.replace("\\", "/")
    printed = done.stdout[done.stdout.index("❯") :].strip()
    for readme in ("README.md", "README.ru.md"):
        text = (EXAMPLES.parent / readme).read_text(encoding="utf-8")
        shown = text[text.index("❯") :].partition("\n```")[0]
        assert shown.splitlines() == printed.splitlines(), f"{readme} shows what the demo does not print"
