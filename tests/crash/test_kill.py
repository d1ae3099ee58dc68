"""`ragkit ingest` is killed at any moment and run again: the index is the one an unbroken run gives."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import ragkit
from ragkit.store.local.schema import OPEN
from ragkit.store.local.store import LocalStore

SEED = 20
KILLS = 6
N_DOCUMENTS = 200  # four commits
QUERIES = [f"word{i} word{7 * i}" for i in range(12)]


def write_corpus(folder: Path, *, version: int) -> Path:
    """Documents of a few random words, each the same in every version but for every second one."""
    folder.mkdir(parents=True)
    for i in range(N_DOCUMENTS):
        rng = random.Random(i * 10 + version * (i % 2))
        words = " ".join(f"word{rng.randrange(150)}" for _ in range(12))
        (folder / f"d{i:03}.md").write_text(f"# Document {i}\n\n{words}.\n")
    return folder


PROGRAM = """
import sys
import ragkit

with ragkit.open(sys.argv[2]) as rag:
    rag.ingest(sys.argv[1], progress=lambda done, total, what: print(done, flush=True))
"""


def start(corpus: Path, index: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(corpus), str(index)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
    )


def ingest(corpus: Path, index: Path) -> None:
    with start(corpus, index) as process:
        process.communicate(timeout=60)
    assert process.returncode == 0


def kill(corpus: Path, index: Path, *, n_signs: int, then_s: float) -> bool:
    """Kills a run a moment after its n-th sign of progress; whether it was still running then."""
    with start(corpus, index) as process:
        assert process.stdout is not None
        for _ in range(n_signs):
            if not process.stdout.readline():
                return False
        time.sleep(then_s)
        process.kill()
    return process.returncode == -signal.SIGKILL


def picture(index: Path) -> dict[str, object]:
    """All that a user could tell an index by."""
    with ragkit.open(index, create=False) as rag:
        found = [
            (hit.chunk.id, hit.score)
            for retriever in ("dense", "bm25")
            for query in QUERIES
            for hit in rag.retrieve(query, k=10, retriever=retriever).hits
        ]
        status = rag.status()
    store = LocalStore(path=index).open()
    states = store.states()
    with store.manifest.reading() as db:
        ids = db.execute("SELECT id FROM chunks WHERE to_commit = ? ORDER BY id", (OPEN,)).fetchall()
    seen = {"found": found, "counts": (status.documents, status.chunks), "states": states, "ids": ids}
    problems = store.verify()
    store.close()
    return {**seen, "problems": problems}


def test_an_ingestion_killed_at_any_moment_is_resumed_to_the_same_index(tmp_path: Path) -> None:
    first = write_corpus(tmp_path / "first" / "docs", version=0)
    second = write_corpus(tmp_path / "second" / "docs", version=1)
    ingest(first, tmp_path / "whole")
    ingest(second, tmp_path / "whole")
    expected = picture(tmp_path / "whole")
    assert expected["problems"] == []
    assert len(expected["found"]) == 20 * len(QUERIES)  # type: ignore[arg-type]

    rng = random.Random(SEED)
    killed = 0
    for corpus in (first, second):
        for _ in range(KILLS // 2):
            killed += kill(corpus, tmp_path / "index", n_signs=rng.randint(1, 5), then_s=rng.uniform(0, 0.05))
        ingest(corpus, tmp_path / "index")
    assert killed >= KILLS // 2
    assert picture(tmp_path / "index") == expected
