"""`import ragkit` costs next to nothing, and no import has a side effect."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import ragkit

HEAVY = {
    "numpy", "pydantic", "torch", "faiss", "onnxruntime", "tokenizers", "yaml", "rich", "docutils",
    "sentence_transformers", "ragkit_connectors", "sqlite3", "asyncio", "anyio",
}  # fmt: skip
ROOT = Path(__file__).parents[2]


def modules_after(statement: str) -> set[str]:
    script = f"{statement}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def test_import_loads_nothing_heavy() -> None:
    assert modules_after("import ragkit") & HEAVY == set()


def test_help_loads_nothing_heavy() -> None:
    assert (
        modules_after("from ragkit.cli import main\ntry: main([])\nexcept SystemExit: pass") & HEAVY == set()
    )


def test_asking_loads_no_torch_and_no_connector() -> None:
    loaded = modules_after(
        "import ragkit; ragkit.open; import ragkit.config.defaults as d; d.default_config()"
    )
    assert loaded & {"torch", "faiss", "sentence_transformers", "ragkit_connectors"} == set()


def test_every_public_name_resolves() -> None:
    for name in ragkit.__all__:
        assert getattr(ragkit, name) is not None
    assert len(ragkit.__all__) == len(set(ragkit.__all__))


def test_the_names_for_type_checkers_are_the_names_at_run_time() -> None:
    tree = ast.parse((ROOT / "ragkit/__init__.py").read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    checked = {
        alias.name for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert checked == set(ragkit.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(ragkit, "nothing_of_the_kind")


FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}


def test_no_code_is_made_of_text() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("ragkit", "connectors")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS
    ]
    assert found == []


def test_no_module_imports_pickle() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("ragkit", "connectors")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
        if name.partition(".")[0] in {"pickle", "marshal", "shelve", "dill", "joblib"}
    ]
    assert found == []
