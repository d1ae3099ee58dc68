"""What happens to the folder when processes die, disks lie and people open the wrong thing."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ragkit.errors import ConfigError, CorruptIndexError, StoreError
from ragkit.fields import parse_fields
from ragkit.protocols import Scope
from ragkit.store.local import write
from ragkit.store.local.store import LocalStore
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put, unit
from ragkit.testing.stores import EAST, WEST, spec_of


class Words:
    fingerprint = "test"

    def terms(self, text: str) -> list[str]:
        return text.split()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    opened = LocalStore(path=tmp_path / "index").open(spec_of())
    opened.commit([put("a", [("cat dog", EAST), ("fish", WEST)])])
    yield opened
    opened.close()


def again(store: LocalStore) -> LocalStore:
    return LocalStore(path=store.path).open(analyzer=Words())


def found(store: LocalStore) -> list[str]:
    ids = store.search(EAST[None], 10, Scope())[0].id_list()
    return [chunk.text for chunk in store.fetch(ids, Scope()) if chunk]


def ranked(store: LocalStore, term: str) -> list[str]:
    ids = store.search_terms([[term]], 10, Scope())[0].id_list()
    return [chunk.text for chunk in store.fetch(ids, Scope()) if chunk]


def test_everything_is_there_after_reopening(store: LocalStore) -> None:
    store.close()
    reopened = again(store)
    assert found(reopened) == ["cat dog", "fish"]
    assert ranked(reopened, "fish") == ["fish"]
    assert reopened.verify() == []


def test_another_readers_commit_is_seen_by_the_next_call(store: LocalStore) -> None:
    reader = again(store)
    assert found(reader) == ["cat dog", "fish"]
    store.commit([put("b", [("bird", EAST)])])
    assert sorted(found(reader)) == ["bird", "cat dog", "fish"]
    assert ranked(reader, "bird") == ["bird"]


def test_a_commit_that_dies_before_the_end_never_happened(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(write, "write_commit", power_cut)
        with pytest.raises(KeyboardInterrupt):
            store.commit([put("b", [("orphan", EAST)])])
    assert found(again(store)) == ["cat dog", "fish"]
    orphan = sorted((store.path / "postings").iterdir())[-1]
    store.commit([put("c", [("next", WEST)])])
    assert sorted(found(again(store))) == ["cat dog", "fish", "next"]
    assert store.verify() == []
    assert not orphan.exists()


def test_many_commits_make_few_files(store: LocalStore) -> None:
    for i in range(40):
        store.commit([put(f"d{i}", [(f"word{i} common", EAST)])])
    assert len(list((store.path / "postings").iterdir())) <= 7
    assert ranked(again(store), "word39") == ["word39 common"]
    assert len(ranked(again(store), "common")) == 10
    assert again(store).verify() == []


HOLDER = """
import sys
from ragkit.store.local.store import LocalStore
store = LocalStore(path=sys.argv[1]).open()
with store.writing():
    print("held", flush=True)
    sys.stdin.read()
"""


def start_holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_writer_is_told_who_holds_the_index(store: LocalStore) -> None:
    with start_holder(store.path) as holder:
        with pytest.raises(StoreError, match=f"process {holder.pid} is writing to this index"):
            store.commit([put("b", [("bird", EAST)])])
        assert found(store) == ["cat dog", "fish"]
        holder.kill()
    store.commit([put("b", [("bird", EAST)])])
    assert "bird" in found(store)


def test_threads_of_one_process_write_in_turn(store: LocalStore) -> None:
    def work(name: str) -> None:
        for i in range(5):
            store.commit([put(f"{name}{i}", [(f"{name}{i}", EAST)])])

    threads = [threading.Thread(target=work, args=(name,)) for name in "xyz"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.counts().documents == 16
    assert store.verify() == []


def test_readers_see_whole_commits_while_one_writes(store: LocalStore) -> None:
    # Each commit replaces both documents by the same number; a reader must never see two numbers.
    pairs: list[set[str]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            scope = Scope(commit=store.head())
            ids = store.search(EAST[None], 10, scope)[0].id_list()
            pairs.append({chunk.text.split()[1] for chunk in store.fetch(ids, scope) if chunk})

    store.commit([put("a", [("a 0", EAST)]), put("b", [("b 0", EAST)])])
    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for i in range(1, 30):
        store.commit([put("a", [(f"a {i}", EAST)]), put("b", [(f"b {i}", EAST)])])
    done.set()
    for reader in readers:
        reader.join()
    assert pairs
    assert all(len(pair) == 1 for pair in pairs)


def test_a_lost_or_damaged_bm25_file_is_made_anew_from_the_texts(store: LocalStore) -> None:
    (path,) = (store.path / "postings").iterdir()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert again(store).verify() == [f"{path}: not what was written (rows 0 to 2). Run: ragkit repair"]
    assert ranked(again(store), "dog") == ["cat dog"]
    path.unlink()
    assert ranked(again(store), "dog") == ["cat dog"]
    without = LocalStore(path=store.path).open()
    with pytest.raises(CorruptIndexError, match="Open the index with its analyzer"):
        ranked(without, "dog")


def test_damaged_vectors_are_found_by_verify(store: LocalStore) -> None:
    path = store.path / "vectors-000000.f32"
    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(data)
    assert again(store).verify() == [f"{path}: not what was written (rows 0 to 2). Run: ragkit repair"]


def test_a_truncated_vector_file_is_refused(store: LocalStore) -> None:
    (store.path / "vectors-000000.f32").write_bytes(b"")
    with pytest.raises(CorruptIndexError, match=r"vectors-000000.f32: 0 bytes.*ingest again"):
        found(again(store))


def test_a_damaged_manifest_is_a_typed_error(store: LocalStore) -> None:
    store.close()
    path = store.path / "manifest.sqlite"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(CorruptIndexError, match=r"database cannot be read.*Restore the folder"):
        again(store)


def test_a_foreign_database_is_a_typed_error(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "manifest.sqlite")
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(CorruptIndexError, match="not the manifest of a ragkit index"):
        LocalStore(path=tmp_path).open(spec_of())
    with sqlite3.connect(tmp_path / "manifest.sqlite") as untouched:
        assert untouched.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]
    untouched.close()


def test_another_format_version_is_refused(store: LocalStore) -> None:
    store.close()
    connection = sqlite3.connect(store.path / "manifest.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ConfigError, match="format version 99, and this ragkit reads version 2"):
        again(store)


def test_an_index_is_opened_only_with_what_it_was_made_with(store: LocalStore) -> None:
    made = spec_of()
    others = [
        (StoreSpec("other", embedder_fingerprint="x", dimension=2, analyzer_fingerprint="test",
                   fields=made.fields), "made with the embedding model test .2 dimensions"),
        (StoreSpec("test", embedder_fingerprint="test", dimension=3, analyzer_fingerprint="test",
                   fields=made.fields), "opened with test .3 dimensions"),
        (StoreSpec("test", embedder_fingerprint="test", dimension=2, analyzer_fingerprint="new",
                   fields=made.fields), "made with the analyzer test"),
        (spec_of(tenant="keyword!"), "fields.tenant: this index was made with nothing"),
        (spec_of(year="text"), "fields.year: this index was made with integer"),
    ]  # fmt: skip
    for spec, message in others:
        with pytest.raises(ConfigError, match=message):
            LocalStore(path=store.path).open(spec)
    LocalStore(path=store.path).open(spec_of(added="keyword")).close()


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no index here. Make one: ragkit ingest"):
        LocalStore(path=tmp_path / "no").open()
    with pytest.raises(StoreError, match="no index here"):
        LocalStore(path=tmp_path / "no").open(spec_of(), create=False)
    assert not (tmp_path / "no").exists()


def test_a_closed_store_refuses_calls_that_it_could_answer_from_memory(store: LocalStore) -> None:
    scope = Scope(commit=store.head())
    (hits,) = store.search(EAST[None], 10, scope)
    store.fetch(hits.id_list(), scope)
    store.close()
    for call in (
        store.head,
        lambda: store.search(EAST[None], 10, scope),
        lambda: store.search_terms([["cat"]], 10, scope),
        lambda: store.fetch(hits.id_list(), scope),
        lambda: store.vectors(hits.id_list(), scope),
    ):
        with pytest.raises(StoreError, match=r"was closed\. Open it again"):
            call()


CLOSED_WHILE_READ = """
import sys, threading, time
from ragkit.errors import StoreError
from ragkit.store.local.store import LocalStore

def read(store):
    try:
        while True:
            store.head(), store.counts(), list(store.states())
    except StoreError as e:
        assert "was closed" in str(e), e
        refused.append(e)

for n in range(40):
    refused = []
    store = LocalStore(path=sys.argv[1]).open()
    readers = [threading.Thread(target=read, args=(store,)) for _ in range(4)]
    [reader.start() for reader in readers]
    time.sleep(0.002 * (n % 5))
    store.close()
    [reader.join() for reader in readers]
    assert len(refused) == 4, refused
"""


def test_closing_a_store_that_threads_read_from_ends_their_next_call(store: LocalStore) -> None:
    # In a process of its own: what goes wrong here takes the interpreter with it.
    run = subprocess.run(
        [sys.executable, "-c", CLOSED_WHILE_READ, str(store.path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")


FORKED = """
import os, sys
from ragkit.store.local.store import LocalStore
store = LocalStore(path=sys.argv[1]).open()
before = store.counts()
with store.manifest.reading() as held, store.manifest._lock:
    child = os.fork()
    if child == 0:
        with store.manifest.reading() as own:
            os._exit(0 if own is not held and store.counts() == before else 1)
_, status = os.waitpid(child, 0)
assert store.counts() == before and store.verify() == []
sys.exit(status)
"""


def test_a_forked_process_reads_on_connections_of_its_own(store: LocalStore) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FORKED, str(store.path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=60,
        check=False,
    )
    assert run.returncode == 0


def test_vectors_that_cannot_be_compared_are_refused(store: LocalStore) -> None:
    for bad in (np.array([2, 0]), np.array([0, 0]), np.array([np.nan, 1]), np.array([np.inf, 0])):
        with pytest.raises(StoreError, match="expected 1: embedders give unit vectors"):
            store.commit([put("x", [("x", bad.astype(np.float32))])])
        with pytest.raises(StoreError, match="query vectors"):
            store.search(bad.astype(np.float32)[None], 1, Scope())
    with pytest.raises(StoreError, match=r"shape \(1, 3\), expected \[n, 2\]"):
        store.search(unit([1, 0, 0])[None], 1, Scope())


def test_a_commit_that_does_not_exist_is_an_error(store: LocalStore) -> None:
    with pytest.raises(StoreError, match="commit 7 does not exist; the current one is 1"):
        store.search(EAST[None], 1, Scope(commit=7))


def test_fields_of_a_reopened_index_are_those_it_was_made_with(tmp_path: Path) -> None:
    LocalStore(path=tmp_path).open(spec_of(acl=["keyword"])).close()
    assert LocalStore(path=tmp_path).open().spec.fields["acl"] == parse_fields({"acl": ["keyword"]})["acl"]


FULL = """
import resource, signal, sys
from ragkit.errors import TransientStoreError
from ragkit.protocols import Scope
from ragkit.store.local.store import LocalStore
from ragkit.testing.data import put
from ragkit.testing.stores import EAST
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = LocalStore(path=sys.argv[1]).open()
size = (store.path / "vectors-000000.f32").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 2, size + 2))
try:
    store.commit([put("b", [("bird", EAST)])])
except TransientStoreError as e:
    assert "the disk failed or is full" in str(e), e
else:
    raise SystemExit("it was written")
assert len(store.search(EAST[None], 10, Scope())[0]) == 2
"""


def test_a_full_disk_is_a_typed_error_and_costs_nothing(store: LocalStore) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FULL, str(store.path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    store.commit([put("b", [("bird", EAST)])])
    assert store.counts().documents == 2
    assert store.verify() == []


def test_a_folder_that_was_moved_away_is_a_typed_error(store: LocalStore) -> None:
    store.path.rename(store.path.with_name("elsewhere"))
    with pytest.raises(StoreError, match=r"index: cannot be written to .*Check that it is there"):
        store.commit([put("b", [("bird", EAST)])])


def test_many_commits_make_few_checksums(store: LocalStore) -> None:
    for i in range(40):
        store.commit([put(f"d{i}", [(f"word{i}", EAST)])])
    with store.manifest.reading() as db:
        (n,) = db.execute("SELECT count(*) FROM segments WHERE kind = 'vectors'").fetchone()
    assert n <= 7
    assert again(store).verify() == []


def test_damaged_vectors_keep_the_checksum_that_says_so(store: LocalStore) -> None:
    path = store.path / "vectors-000000.f32"
    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(data)
    for i in range(9):
        store.commit([put(f"d{i}", [(f"word{i}", EAST)])])
    assert store.verify() == [f"{path}: not what was written (rows 0 to 2). Run: ragkit repair"]
