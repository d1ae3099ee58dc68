"""`ragkit ingest` is killed at any moment and run again: the index is the one an unbroken run gives."""

from __future__ import annotations

import os
import random
import subprocess
import sys
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


def start(corpus: Path, index: Path) -> subprocess.Popen[bytes]:
    program = "import sys; from ragkit.cli import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", program, "ingest", str(corpus), "--index", str(index), "--json"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
    )


def ingest(corpus: Path, index: Path) -> None:
    assert start(corpus, index).wait(60) == 0


def kill(corpus: Path, index: Path, after_s: float) -> bool:
    """Whether it was killed before its end."""
    with start(corpus, index) as process:
        try:
            process.wait(after_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return True
        return False


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
    killed = sum(kill(first, tmp_path / "index", rng.uniform(0.6, 1.4)) for _ in range(KILLS // 2))
    ingest(first, tmp_path / "index")
    killed += sum(kill(second, tmp_path / "index", rng.uniform(0.6, 1.2)) for _ in range(KILLS // 2))
    ingest(second, tmp_path / "index")
    assert killed > 0, "every run ended before it was killed: make the moments earlier"
    assert picture(tmp_path / "index") == expected
