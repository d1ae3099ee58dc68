"""The wheel holds the two packages and what they need, and runs in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAX_WHEEL_MB = 30

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return next(folder.glob("*.whl"))


def test_top_level_names(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name.partition("/")[0] for name in archive.namelist()}
    assert {n for n in names if not n.endswith(".dist-info")} == {"ragkit", "ragkit_connectors"}


def test_data_files_are_in(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    needed = {
        "ragkit/py.typed",
        "ragkit_connectors/py.typed",
        "ragkit/config/default.yaml",
        "ragkit/evaluation/page/assets/page.css",
        "ragkit/evaluation/page/assets/main.js",
        "ragkit/models/bundled/minilm/model.onnx",
        "ragkit/models/bundled/minilm/tokenizer.json",
        "ragkit/models/bundled/minilm/MODEL_CARD.md",
        "ragkit/models/bundled/minilm/LICENSE",
        "ragkit/models/bundled/reranker/model.onnx",
        "ragkit/models/bundled/reranker/LICENSE",
    }
    assert needed <= names


def test_size(wheel: Path) -> None:
    assert wheel.stat().st_size < MAX_WHEEL_MB * 2**20


def test_nothing_stray_is_in(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        stray = [n for n in archive.namelist() if n.startswith(("ragkit/tests", "examples", "evals"))]
    assert stray == []


def test_it_installs_and_runs_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "env"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    target = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    script = (
        "import json, ragkit, ragkit_connectors as c; print(json.dumps([c.__file__, len(ragkit.__all__)]))"
    )
    done = subprocess.run(
        [str(python), "-I", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    where, n_names = json.loads(done.stdout)
    assert where.startswith(str(environment))
    assert n_names > 30
