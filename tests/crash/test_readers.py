"""Readers in other processes, while documents are replaced, removed, compacted: each sees one whole commit.

What stands at a commit follows from its number, so a reader knows without asking anybody what it must find.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ragkit.protocols import Change, Scope
from ragkit.store.local.store import LocalStore
from ragkit.testing.data import put, remove, unit
from ragkit.testing.stores import spec_of
from tests.scale import IS_FULL, scaled

N_READERS = 4
N_COMMITS = scaled(2_000)
COMPACT_EVERY = 50 if IS_FULL else 10
GROUPS, DOCUMENTS, CHUNKS = 5, 4, 3
WORD = "common"


def version_of(group: int, commit: int) -> int | None:
    """The commit that last wrote a group's documents; None where it removed them."""
    last = commit - (commit - group) % GROUPS
    return None if last <= 0 or (last // GROUPS) % 7 == 6 else last


def changes_of(commit: int) -> list[Change]:
    """All documents of one group, each of several chunks, or their removal."""
    group = commit % GROUPS
    names = [f"g{group}-{i}" for i in range(DOCUMENTS)]
    if version_of(group, commit) is None:
        return [remove(name) for name in names]
    return [
        put(
            name, [(f"{WORD} {name} part{p} v{commit}", unit([commit % 7 - 3, p + 1])) for p in range(CHUNKS)]
        )
        for name in names
    ]


def expected_at(commit: int) -> set[str]:
    """The texts that stand at a commit."""
    return {
        f"{WORD} g{group}-{i} part{p} v{version}"
        for group in range(GROUPS)
        if (version := version_of(group, commit)) is not None
        for i in range(DOCUMENTS)
        for p in range(CHUNKS)
    }


def read(folder: str) -> None:
    """Reads until it is told to stop, and says how often it read, and what it should not have seen."""
    store = LocalStore(path=folder).open()
    n_reads = 0
    commits: set[int] = set()
    wrong: list[str] = []
    print("reading", flush=True)
    os.set_blocking(sys.stdin.fileno(), False)
    while sys.stdin.buffer.read(1) is None and not wrong:
        with store.hold() as commit:
            wrong = list(_wrong_at(store, commit))
            commits.add(commit)
            n_reads += 1
    print(json.dumps({"reads": n_reads, "commits": len(commits), "wrong": wrong}), flush=True)


def _wrong_at(store: LocalStore, commit: int) -> Iterator[str]:
    scope, expected = Scope(commit=commit), expected_at(commit)
    n = GROUPS * DOCUMENTS * CHUNKS + 1
    for arm, hits in (
        ("dense", store.search(unit([1, 0])[None], n, scope)[0]),
        ("bm25", store.search_terms([[WORD]], n, scope)[0]),
    ):
        chunks = store.fetch(hits.id_list(), scope)
        texts = [chunk.text if chunk else "nothing" for chunk in chunks]
        if len(texts) != len(expected) or set(texts) != expected:
            extra, missing = set(texts) - expected, expected - set(texts)
            yield f"commit {commit}, {arm}: {len(texts)} hits, extra {extra}, missing {missing}"
    vectors = store.vectors(hits.id_list(), scope)
    if len(vectors) and not np.allclose(np.linalg.norm(vectors, axis=1), 1):
        yield f"commit {commit}: a vector of nothing"


def start(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from tests.crash.test_readers import read; read(sys.argv[1])",
            folder,
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def test_readers_see_whole_commits_while_documents_change(tmp_path: Path) -> None:
    store = LocalStore(path=tmp_path / "index").open(spec_of())
    readers = [start(tmp_path / "index") for _ in range(N_READERS)]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"reading\n"
    n_collected = 0
    for commit in range(1, N_COMMITS + 1):
        assert store.commit(changes_of(commit)) == commit
        if commit % COMPACT_EVERY == 0:
            n_collected += store.compact().n_collected
    results = [json.loads(reader.communicate(b".")[0]) for reader in readers]
    print(f"{N_COMMITS} commits, {n_collected} collected; readers: {results}")
    assert [line for result in results for line in result["wrong"]] == []
    assert all(result["reads"] > N_COMMITS / 20 and result["commits"] > 1 for result in results)
    assert n_collected > 0
    assert store.compact(wait_s=10).n_held == 0
    assert store.verify() == []
    assert list(_wrong_at(store, N_COMMITS)) == []
    store.close()
