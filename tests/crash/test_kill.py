"""`ragkit ingest` is killed at any moment and run again: the index is the one an unbroken run gives.

Each child notes its commits in a ledger outside of the index. After every kill the index must hold what was
acknowledged, or that with the one commit which had begun, and nothing else.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import ragkit
from ragkit.protocols import DocumentState, Scope
from ragkit.store.local.store import LocalStore
from tests.crash.conftest import Scale
from tests.crash.ledger import Ledger, Notes

ROOT = Path(__file__).parents[2]
SEED = 20
KILLS = 200
KILLS_PER_CORPUS = 4
N_DOCUMENTS = 200
PER_COMMIT = 64  # four commits for all of them
QUERIES = [f"word{i} word{7 * i}" for i in range(12)]
LIMIT_S = 120
COMMIT_S = 0.03

PROGRAM = f"""
import sys
from pathlib import Path

import ragkit
import ragkit.ingest.run
from ragkit.store.local.store import LocalStore
from tests.crash.ledger import Notes

ragkit.ingest.run.MAX_DOCUMENTS = {PER_COMMIT}
corpus, index, ledger = sys.argv[1:]
notes, plain = Notes(Path(ledger)), LocalStore.commit

def commit(store, changes):
    listed = list(changes)
    notes.begun(listed)
    number = plain(store, listed)
    notes(done=number)
    return number

LocalStore.commit = commit
with ragkit.open(index) as rag:
    rag.ingest(corpus, progress=lambda done, total, what: print(done, flush=True))
"""


def write_corpus(folder: Path, *, version: int) -> Path:
    """Documents of a few random words, each the same in every version but for every second one.

    Each version after the first has ten new ones and lacks some, not those that the one before lacked:
    files vanish, come back and vanish for good.
    """
    folder.mkdir(parents=True)
    every, n = ((0, 0), (7, 10), (11, 20))[version]
    for i in range(N_DOCUMENTS + n):
        if every and i % every == every - 1:
            continue
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
        [sys.executable, "-c", PROGRAM, str(corpus), str(index), str(ledger_of(index))],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), *sys.path)), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
    )


def ledger_of(index: Path) -> Path:
    return index.with_name(f"{index.name}.ledger")


def ingest(corpus: Path, index: Path) -> float:
    """An unbroken run; the seconds from its first sign of progress to its end."""
    with start(corpus, index) as process:
        assert process.stdout is not None
        process.stdout.readline()
        begun = time.perf_counter()
        process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0
    return time.perf_counter() - begun


def kill(corpus: Path, index: Path, *, after_s: float, in_commit: bool) -> bool:
    """Kills a run so long after its first sign of progress or the begin of a commit; whether it still ran."""
    ledger = ledger_of(index)
    n_begun = begun(ledger)
    with start(corpus, index) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while in_commit and process.poll() is None and begun(ledger) == n_begun:
            time.sleep(0.0005)
        time.sleep(after_s)
        process.kill()
    return process.returncode == -signal.SIGKILL


def begun(ledger: Path) -> int:
    """How many commits were begun."""
    return ledger.read_bytes().count(b'{"begin"') if ledger.exists() else 0


def check(index: Path) -> Ledger:
    """The ledger, once the index was found to hold just what it allows.

    Raises:
        AssertionError: the index lost an acknowledged commit, holds a part of one, or anything else.
    """
    ledger = Ledger.read(ledger_of(index))
    found = {name: (s.state, s.content_hash, s.n_chunks) for name, s in states(index).items()}
    for content in ledger.allowed():
        if found == {name: (k.state, k.content_hash, len(k.chunks)) for name, k in content.items()}:
            if content is ledger.in_flight:
                # It was there in full before it could say so: the next run builds on it.
                Notes(ledger_of(index))(done=ledger.n_commits + 1)
            return ledger
    raise AssertionError(f"{len(found)} documents are there, which is not what the ledger of {index} allows")


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


def states(index: Path) -> dict[str, DocumentState]:
    if not (index / "manifest.sqlite").exists():
        return {}
    store = LocalStore(path=index).open()
    assert store.verify() == []
    found = {state.document_id: state for state in store.states()}
    store.close()
    return found


def unbroken(home: Home, index: Path) -> tuple[list[dict[str, DocumentState]], list[float]]:
    """The states after each version in an index that nobody kills, and how long each version took."""
    after, seconds = [], []
    for corpus in home.versions():
        seconds.append(ingest(corpus, index))
        after.append(states(index))
    return after, seconds


def test_an_ingestion_killed_at_any_moment_is_resumed_to_the_same_index(tmp_path: Path, scale: Scale) -> None:
    home = Home(tmp_path)
    after, seconds = unbroken(home, tmp_path / "whole")
    assert check(tmp_path / "whole").n_commits >= 3 * 2
    expected = picture(tmp_path / "whole")
    assert expected["problems"] == []
    assert len(expected["found"]) == 20 * len(QUERIES)  # type: ignore[arg-type]

    rng, tries, killed, n_indexes, acknowledged, in_flight = random.Random(SEED), 0, 0, 0, 0, 0
    while killed < scale.times(KILLS) and tries < 3 * scale.times(KILLS):
        index = tmp_path / f"index{n_indexes}"
        n_indexes += 1
        for corpus, states_after, whole_s in zip(home.versions(), after, seconds, strict=True):
            for _ in range(KILLS_PER_CORPUS):
                # A commit takes a hundredth of a run: every second kill aims at one.
                in_commit = tries % 2 == 1
                after_s = rng.uniform(0, COMMIT_S if in_commit else 0.8 * whole_s)
                killed += kill(corpus, index, after_s=after_s, in_commit=in_commit)
                tries += 1
                in_flight += check(index).in_flight is not None
            ingest(corpus, index)
            ledger = check(index)
            assert states(index) == states_after
        acknowledged += ledger.n_commits
        assert picture(index) == expected
        shutil.rmtree(index)
    print(
        f"\nseed {SEED}: {killed} of {tries} runs killed, {in_flight} of them within a commit; "
        f"{n_indexes} indexes of {acknowledged} commits in all, 0 violations"
    )
    assert killed >= scale.times(KILLS)
