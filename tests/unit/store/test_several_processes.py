"""An index between processes: forks, users who may only read, a lost log, a verify beside a writer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit.errors import CorruptIndexError, StoreError
from ragkit.filters import Eq, Not
from ragkit.protocols import Scope
from ragkit.store.local.store import LocalStore
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, WEST, spec_of

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    opened = LocalStore(path=tmp_path / "index").open(spec_of())
    opened.commit([put("a", [("cat dog", EAST)], metadata={"lang": "en"})])
    yield opened
    opened.close()


DIES = """
    import os, sys
    from ragkit.store.local.store import LocalStore
    from ragkit.testing.data import put
    from ragkit.testing.stores import EAST, spec_of
    store = LocalStore(path=sys.argv[1]).open(spec_of())
    store.commit([put("a", [("one", EAST)])])
    store.commit([put("a", [("two", EAST)])])
    os._exit(0)
"""


def test_an_index_whose_log_was_removed_answers_nothing(tmp_path: Path) -> None:
    assert run(DIES, tmp_path / "index").returncode == 0
    (tmp_path / "index/manifest.sqlite-wal").unlink()
    store = LocalStore(path=tmp_path / "index").open()
    for call in (
        store.head,
        store.counts,
        store.holdings,
        lambda: store.search(EAST[None], 1, Scope()),
        lambda: store.search_terms([["two"]], 1, Scope()),
        lambda: store.source("", "a"),
        lambda: store.state("", "a"),
        lambda: list(store.states()),
        lambda: store.commit([put("b", [("three", EAST)])]),
        store.compact,
    ):
        with pytest.raises(CorruptIndexError, match=r"commit 2 was reported.*log .* Restore .* repair"):
            call()
    assert any("commit 2 was reported" in line for line in store.verify())
    line, *_ = store.repair()
    assert line.endswith(
        "last-commit: commit 0 is taken for the last one: commits 1 to 2 are lost, ingest again"
    )
    assert store.verify() == []
    assert store.commit([put("b", [("three", EAST)])]) == 1
    store.close()


FORKS = """
    import os, sys
    from ragkit.errors import TransientStoreError
    from ragkit.store.local.store import LocalStore
    from ragkit.testing.data import put
    from ragkit.testing.stores import EAST
    store = LocalStore(path=sys.argv[1]).open()
    with store.writing():
        child = os.fork()
        if child == 0:
            try:
                store.commit([put("child", [("child", EAST)])])
            except TransientStoreError:
                sys.stdin.read()  # goes on while the parent writes
                os._exit(7)
            os._exit(1)
        store.commit([put("parent", [("parent", EAST)])])
    store.commit([put("after", [("after", EAST)])])
    os.close(0)
    os.kill(child, 9)
    os.waitpid(child, 0)
    assert store.verify() == [], store.verify()
    assert {s.document_id for s in store.states()} == {"a", "parent", "after"}
"""


def test_a_fork_has_no_part_in_the_right_to_write(store: LocalStore) -> None:
    done = run(FORKS, store.path)
    assert (done.returncode, done.stderr) == (0, "")


READS = """
    import os, sys
    from ragkit.protocols import Scope
    from ragkit.errors import TransientStoreError
    from ragkit.store.local.store import LocalStore
    from ragkit.testing.stores import EAST
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
    store = LocalStore(path=sys.argv[1]).open()
    def texts():
        while True:
            try:
                with store.hold() as commit:
                    scope = Scope(commit=commit)
                    ids = store.search(EAST[None], 9, scope)[0].id_list()
                    return sorted(chunk.text for chunk in store.fetch(ids, scope))
            except TransientStoreError:
                continue
    print(texts(), flush=True)
    for line in sys.stdin:
        print(texts(), flush=True)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user who may not write")
def test_who_may_only_read_follows_a_writer_that_begins_later() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        with_nothing_open = LocalStore(path=folder / "index").open(spec_of())
        with_nothing_open.commit([put("a", [("first", EAST)])])
        with_nothing_open.close()
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(READS), str(folder / "index")],
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as reader:
            assert reader.stdin is not None
            assert reader.stdout is not None
            assert reader.stdout.readline() == "['first']\n"
            for texts in (["second"], ["third"]):
                writer = LocalStore(path=folder / "index").open()
                writer.commit([put("a", [(texts[0], EAST)])])
                writer.compact()
                reader.stdin.write("\n")
                reader.stdin.flush()
                assert reader.stdout.readline() == f"{texts}\n"
                writer.close()
            reader.stdin.close()
        assert reader.returncode == 0
    finally:
        shutil.rmtree(folder)


def test_verify_beside_a_writer_raises_no_false_alarm(store: LocalStore) -> None:
    done = threading.Event()

    def write() -> None:
        writer = LocalStore(path=store.path).open()
        for i in range(60):
            writer.commit([put(f"d{i % 5}", [(f"text {i}", WEST)])])
            if i % 4 == 0:
                writer.compact()
        writer.close()
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    problems = []
    while not done.is_set():
        problems += store.verify()
        store.holdings()
    thread.join()
    assert problems == []


def test_an_old_commit_is_refused_where_its_fields_would_be_a_part(store: LocalStore) -> None:
    store.commit([put("b", [("fish", WEST)], metadata={"lang": "en"})])
    pinned = store.head()
    assert len(store.search(EAST[None], 9, Scope(commit=pinned))[0]) == 2
    writer = LocalStore(path=store.path).open()
    writer.commit([put("a", [("changed", EAST)], metadata={"lang": "ru"})])
    writer.compact()
    for wanted in (Eq("lang", "en"), Not(Eq("lang", "en"))):
        with pytest.raises(StoreError, match="is not kept any more"):
            store.search(EAST[None], 9, Scope(commit=pinned, filter=wanted))
    writer.close()


def test_a_compaction_does_not_wait_longer_than_it_may(store: LocalStore) -> None:
    store.commit([put("a", [("changed", EAST)])])
    other = LocalStore(path=store.path).open()
    with other.manifest.reading() as db:
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM chunks").fetchone()
        begin = time.monotonic()
        assert not store.compact(wait_s=0.0).erased
        assert time.monotonic() - begin < 10
    assert store.compact().erased
    assert "SQLITE_TMPDIR" not in os.environ
    other.close()


def test_a_connection_that_failed_is_not_used_again(store: LocalStore) -> None:
    with store.manifest.reading() as failing:
        failing.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match="cannot be used"):
        store.commit([put("b", [("bird", EAST)])])
    with store.manifest.reading() as db:
        assert db is not failing
    store.commit([put("b", [("bird", EAST)])])
