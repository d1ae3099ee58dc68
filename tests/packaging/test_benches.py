"""`make bench` needs nothing but this folder, as the README says; with EXTRAS=all what that installs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "evals" / "benchmarks"
OWN = {"ragkit", "numpy", "onnxruntime"}


def run_by_make(extras: str) -> list[str]:
    """The benchmarks that `make bench` runs."""
    # Another make may run these tests, and hands down what it was called with.
    told = subprocess.run(
        ["make", "-n", "bench", "MAKEFLAGS=", "MAKEOVERRIDES=", f"EXTRAS={extras}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.search(r"for bench in ([a-z0-9_ ]+);", told)
    assert found, told
    return found[1].split()


def needed(name: str) -> Iterator[str]:
    """Packages that a benchmark cannot do without, and those of its neighbours that it takes from."""
    found: set[str] = set()
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    for node in tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
    for package in found:
        if (FOLDER / f"{package}.py").exists():
            yield from needed(package)
        elif package not in sys.stdlib_module_names:
            yield package


@pytest.mark.parametrize(("extras", "more"), [("light", set()), ("all", {"faiss"})])
def test_make_bench_needs_what_was_installed(extras: str, more: set[str]) -> None:
    names = run_by_make(extras)
    assert len(names) >= 6
    assert all((FOLDER / f"{name}.py").is_file() for name in names)
    assert {package for name in names for package in needed(name)} <= OWN | more
