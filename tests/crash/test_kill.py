"""`ragkit ingest` is killed at any moment and run again: the index is the one an unbroken run gives."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ragkit
from ragkit.protocols import DocumentState, Scope
from ragkit.store.local.store import LocalStore
from tests.crash.conftest import Scale

SEED = 20
KILLS = 200
KILLS_PER_CORPUS = 4
N_DOCUMENTS = 200  # four commits
QUERIES = [f"word{i} word{7 * i}" for i in range(12)]
LIMIT_S = 120

PROGRAM = """
import sys
import ragkit

with ragkit.open(sys.argv[2]) as rag:
    rag.ingest(sys.argv[1], progress=lambda done, total, what: print(done, flush=True))
"""


def write_corpus(folder: Path, *, version: int) -> Path:
    """Documents of a few random words, each the same in every version but for every second one.

    From the second version on, every seventh file is gone and ten are new.
    """
    folder.mkdir(parents=True)
    names = range(N_DOCUMENTS) if version == 0 else [i for i in range(N_DOCUMENTS + 10) if i % 7 or not i]
    for i in names:
        rng = random.Random(i * 10 + version * (i % 2))
        words = " ".join(f"word{rng.randrange(150)}" for _ in range(12))
        (folder / f"d{i:03}.md").write_text(f"# Document {i}\n\n{words}.\n")
    return folder


class Home:
    """The folder of the documents, always under the same path, in one version after the other."""

    def __init__(self, folder: Path) -> None:
        self.docs = folder / "home" / "docs"
        self._versions = [write_corpus(folder / f"version{i}", version=i) for i in range(3)]

    def versions(self) -> Iterator[Path]:
        """Puts each version there in turn: the first, one with changes and deletions, and one more."""
        for version in self._versions:
            shutil.rmtree(self.docs, ignore_errors=True)
            shutil.copytree(version, self.docs)
            yield self.docs


def start(corpus: Path, index: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(corpus), str(index)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
    )


def ingest(corpus: Path, index: Path) -> float:
    """An unbroken run; the seconds from its first sign of progress to its end."""
    with start(corpus, index) as process:
        assert process.stdout is not None
        process.stdout.readline()
        begun = time.perf_counter()
        process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0
    return time.perf_counter() - begun


def kill(corpus: Path, index: Path, *, after_s: float) -> bool:
    """Kills a run so long after its first sign of progress; whether it was still running then."""
    with start(corpus, index) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(after_s)
        process.kill()
    return process.returncode == -signal.SIGKILL


def picture(index: Path) -> dict[str, object]:
    """All that a user could tell an index by."""
    with ragkit.open(index, create=False) as rag:
        found = [
            (hit.chunk.id, round(hit.score, 5))
            for retriever in ("dense", "bm25")
            for query in QUERIES
            for hit in rag.retrieve(query, k=10, retriever=retriever).hits
        ]
        status = rag.status()
    store = LocalStore(path=index).open()
    query = store.vectors([str(found[0][0])], Scope())
    (all_of_them,) = store.search(query, 10_000, Scope())
    seen: dict[str, object] = {
        "found": found,
        "counts": (status.documents, status.chunks),
        "states": list(store.states()),
        "ids": sorted(all_of_them.id_list()),
        "problems": store.verify(),
    }
    store.close()
    return seen


@dataclass(frozen=True, slots=True)
class Stage:
    """What a corpus makes of an index: its documents' states before and after, and how long it takes."""

    before: dict[str, DocumentState]
    after: dict[str, DocumentState]
    seconds: float

    def check(self, index: Path, n_before: int) -> int:
        """Each document is there as it was before or as it is in the end, whole; gives how many have arrived.

        Raises:
            AssertionError: it is not, or fewer have arrived than were there already.
        """
        found = states(index)
        arrived = 0
        for name in {*found, *self.before, *self.after}:
            state, old, new = found.get(name), self.before.get(name), self.after.get(name)
            assert state in (old, new), f"{name}: {state}, expected {old} or {new}"
            arrived += state == new
        assert arrived >= n_before, "documents that had been committed are gone"
        return arrived


def states(index: Path) -> dict[str, DocumentState]:
    if not (index / "manifest.sqlite").exists():
        return {}
    store = LocalStore(path=index).open()
    assert store.verify() == []
    found = {state.document_id: state for state in store.states()}
    store.close()
    return found


def unbroken(home: Home, index: Path) -> list[Stage]:
    """An index that nobody kills, corpus by corpus."""
    stages, before = [], dict[str, DocumentState]()
    for corpus in home.versions():
        seconds = ingest(corpus, index)
        stages.append(Stage(before, states(index), seconds))
        before = stages[-1].after
    return stages


def test_an_ingestion_killed_at_any_moment_is_resumed_to_the_same_index(tmp_path: Path, scale: Scale) -> None:
    home = Home(tmp_path)
    stages = unbroken(home, tmp_path / "whole")
    expected = picture(tmp_path / "whole")
    assert expected["problems"] == []
    assert len(expected["found"]) == 20 * len(QUERIES)  # type: ignore[arg-type]

    rng, tries, killed, n_rounds = random.Random(SEED), 0, 0, 0
    while killed < scale.times(KILLS) and tries < 3 * scale.times(KILLS):
        index = tmp_path / f"index{n_rounds}"
        n_rounds += 1
        for corpus, stage in zip(home.versions(), stages, strict=True):
            arrived = stage.check(index, 0)
            for _ in range(KILLS_PER_CORPUS):
                killed += kill(corpus, index, after_s=rng.uniform(0, 0.8 * stage.seconds))
                tries += 1
                arrived = stage.check(index, arrived)
            ingest(corpus, index)
            assert stage.check(index, arrived) == len({*stage.before, *stage.after})
        assert picture(index) == expected
        shutil.rmtree(index)
    print(f"\nseed {SEED}: {killed} of {tries} runs killed, {n_rounds} indexes, 0 violations")
    assert killed >= scale.times(KILLS)
