"""What `connectors/README.md` shows is a whole store: it passes its tests and is certified by its name."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "connectors" / "README.md"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The files of the page, and what installing the package would leave behind."""
    text = README.read_text(encoding="utf-8")
    for name, content in re.findall(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", text, flags=re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")
    (point,) = re.findall(r'^"(store/list)" = "(\S+)"$', text, flags=re.MULTILINE)
    info = tmp_path / "my_store-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-store\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[ragkit.components]\n{point[0]} = {point[1]}\n")
    return tmp_path


def run(project: Path, *argv: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *argv],
        cwd=project,
        env={**os.environ, "PYTHONPATH": f"{project}{os.pathsep}{ROOT}", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_inherited_class_passes(project: Path) -> None:
    assert " passed" in run(project, "pytest", "-q", "-p", "no:cacheprovider", "test_my_store.py")


def test_it_is_certified_by_its_name(project: Path) -> None:
    out = run(project, "ragkit", "certify", "mine", "--cases", "20")
    assert out.startswith("CERTIFIED\n")
    assert "engine: list 1" in out
    assert "0 failed, 2 skipped" in out


def test_the_commands_and_links_of_the_page_are_there() -> None:
    text = README.read_text(encoding="utf-8")
    assert "ragkit certify mine --cases 20" in text
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (README.parent / target).exists(), target


def test_its_lines_fit_a_screen() -> None:
    assert max(len(line) for line in README.read_text(encoding="utf-8").splitlines()) <= 130
