"""A run that is killed at any moment and gone on with leaves the folder that it would have left."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.scale import scaled

SUITE = """
data: [set]
pipelines: {default: , words: {retriever: bm25}}
metrics: [nDCG@10, contains, citation.valid]
timing_n: 2
"""
N = 24


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    (folder / "set" / "qrels").mkdir(parents=True)
    rooms = [(n, f"Room {n} is used for the club of the number {n * 7}.") for n in range(N)]
    rows = (json.dumps({"_id": f"d{n}", "title": f"Room {n}", "text": text}) for n, text in rooms)
    (folder / "set" / "corpus.jsonl").write_text("\n".join(rows))
    asked = (
        json.dumps({"_id": f"q{n}", "text": f"Which club uses room {n}?", "answers": [f"number {n * 7}"]})
        for n, _ in rooms
    )
    (folder / "set" / "queries.jsonl").write_text("\n".join(asked))
    grades = "".join(f"q{n}\td{n}\t1\n" for n in range(N))
    (folder / "set" / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{grades}")
    (folder / "suite.yaml").write_text(SUITE)
    return folder


def started(home: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "ragkit",
        "eval",
        str(home / "suite.yaml"),
        "--out",
        str(out),
        "--resume",
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finished(home: Path, out: Path) -> None:
    run = started(home, out)
    _, stderr = run.communicate(timeout=240)
    assert run.returncode == 0, stderr.decode()


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "timings" not in path.name and path.suffix not in (".html", ".lock")
    }


def test_killed_and_gone_on_with(home: Path) -> None:
    begun = time.monotonic()
    finished(home, home / "whole" / "run")
    took = time.monotonic() - begun
    whole = contents(home / "whole" / "run")
    moments = random.Random(20261128)
    for n in range(scaled(50)):
        out = home / f"killed-{n}" / "run"
        run = started(home, out)
        try:
            run.wait(timeout=moments.uniform(0.1, 1.1) * took)
        except subprocess.TimeoutExpired:
            os.kill(run.pid, signal.SIGKILL)
        run.communicate()
        finished(home, out)
        again = contents(out)
        assert [name for name in whole if again.get(name) != whole[name]] == []
        assert again.keys() == whole.keys()
