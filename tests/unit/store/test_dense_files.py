"""A dense index that takes long to build is kept in files, which are opened only as they were written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ragkit.failpoints import watch
from ragkit.protocols import PersistentIndex, Scope, Vectors
from ragkit.store.local.lock import WriterLock
from ragkit.store.local.store import LocalStore
from ragkit.testing.data import put, remove, unit
from ragkit.testing.indexes import PersistentIndexChecks
from ragkit.testing.stores import EAST, NORTH, WEST, spec_of
from tests.kept_index import KeptIndex
from tests.unit.store.test_repair import DAMAGES


class TestKeptIndex(PersistentIndexChecks):
    def make_index(self) -> PersistentIndex:
        return KeptIndex()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An index of three chunks, written by a store that keeps its dense index."""
    store, _ = opened(tmp_path / "index")
    store.commit([put("a", [("a1", EAST), ("a2", WEST)]), put("b", [("b1", NORTH)])])
    store.prepare()
    store.close()
    return tmp_path / "index"


def opened(path: Path, fingerprint: str = "kept/1") -> tuple[LocalStore, list[int]]:
    """A store and what its index has built since: how many rows, each time."""
    index = KeptIndex(fingerprint)
    return LocalStore(path=path, index=index).open(spec_of()), index.built


def found(store: LocalStore, vector: Vectors = EAST) -> list[str]:
    ids = store.search(vector[None], 10, Scope())[0].id_list()
    return [chunk.text for chunk in store.fetch(ids, Scope()) if chunk]


def files(path: Path) -> list[Path]:
    return sorted((path / "dense").iterdir())


def test_an_index_that_was_kept_is_not_built_again(folder: Path) -> None:
    store, built = opened(folder)
    assert found(store) == ["a1", "b1", "a2"]
    assert built == []
    assert store.verify() == []
    assert [f.suffix for f in files(folder)] == [".dense"]


def test_a_reader_that_had_to_build_keeps_what_it_built(folder: Path) -> None:
    shutil.rmtree(folder / "dense")
    store, built = opened(folder)
    assert found(store) == ["a1", "b1", "a2"]
    assert built == [3]
    again, built = opened(folder)
    assert found(again) == ["a1", "b1", "a2"]
    assert built == []
    assert again.verify() == []


def test_what_was_committed_since_is_built_and_then_kept(folder: Path) -> None:
    store, built = opened(folder)
    store.commit([put("c", [("c1", unit([1, 1]))])])
    assert found(store) == ["a1", "c1", "b1", "a2"]
    assert built == [1]
    assert len(files(folder)) == 2
    again, built = opened(folder)
    assert found(again) == ["a1", "c1", "b1", "a2"]
    assert built == []


def test_a_reader_takes_up_what_another_process_has_built(folder: Path) -> None:
    reader, built = opened(folder)
    assert found(reader) == ["a1", "b1", "a2"]
    writer, _ = opened(folder)
    writer.commit([put("c", [("c1", unit([1, 1]))])])
    writer.prepare()
    assert found(reader) == ["a1", "c1", "b1", "a2"]
    assert built == []


@DAMAGES
def test_a_damaged_file_changes_no_answer_and_is_named_and_dropped(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    (path,) = files(folder)
    damage(path)
    with WriterLock(folder / "writer.lock"):  # so that nobody can write it anew
        store, built = opened(folder)
        assert found(store) == ["a1", "b1", "a2"]
        assert built == [3]
        (problem,) = store.verify()
    assert problem.startswith(str(path))
    assert problem.endswith("Run: ragkit repair")
    assert any("dropped" in line for line in store.repair())
    assert store.verify() == []
    assert found(opened(folder)[0]) == ["a1", "b1", "a2"]
    (again,) = files(folder)
    assert again != path


@DAMAGES
def test_a_damaged_file_is_replaced_by_the_next_that_opens_the_index(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(files(folder)[0])
    store, _ = opened(folder)
    assert found(store) == ["a1", "b1", "a2"]
    assert store.verify() == []
    again, built = opened(folder)
    assert found(again) == ["a1", "b1", "a2"]
    assert built == []


def test_a_sound_file_of_which_the_index_can_make_nothing_is_replaced(folder: Path) -> None:
    (path,) = files(folder)
    path.write_bytes(b"another format")
    store, built = opened(folder)
    vouch_for(store, path)
    assert found(store) == ["a1", "b1", "a2"]
    assert built == [3]
    again, built = opened(folder)
    assert found(again) == ["a1", "b1", "a2"]
    assert built == []


def vouch_for(store: LocalStore, path: Path) -> None:
    """Names a file in the manifest as it is."""
    from ragkit.store.files import sha256_of

    with store.manifest.reading() as db:
        db.execute(
            "UPDATE segments SET n_bytes = ?, checksum = ? WHERE file = ?",
            (path.stat().st_size, sha256_of(path), path.name),
        )


def test_files_of_another_way_of_building_are_not_opened_but_replaced(folder: Path) -> None:
    (path,) = files(folder)
    store, built = opened(folder, "kept/2")
    assert found(store) == ["a1", "b1", "a2"]
    assert built == [3]
    assert len(files(folder)) == 2  # the former one stays for those that are about to open it
    assert store.verify() == []
    store.commit([remove("b")])
    assert path not in files(folder)
    again, built = opened(folder, "kept/2")
    assert found(again) == ["a1", "a2"]
    assert built == []


def test_an_index_without_files_leaves_them_alone(folder: Path) -> None:
    store = LocalStore(path=folder).open(spec_of())
    assert found(store) == ["a1", "b1", "a2"]
    store.commit([put("c", [("c1", unit([1, 1]))])])
    store.prepare()
    store.close()
    assert len(files(folder)) == 1
    store, built = opened(folder)
    assert found(store) == ["a1", "c1", "b1", "a2"]
    assert built == [1]


def test_a_compaction_names_files_over_what_stays(folder: Path) -> None:
    writer, _ = opened(folder)
    reader, built = opened(folder)
    found(reader)
    assert WEST.tobytes() in files(folder)[0].read_bytes()
    assert writer.erase([remove("a")]).erased
    assert not any(WEST.tobytes() in f.read_bytes() for f in folder.rglob("*") if f.is_file())
    with reader.hold():
        assert found(reader) == ["b1"]
    assert built == []
    assert found(writer) == ["b1"]
    assert writer.verify() == []
    assert len(files(folder)) == 1
    writer.erase([remove("b")])
    assert found(writer) == []
    assert files(folder) == []


def test_a_compaction_succeeds_where_there_is_no_room_for_the_index(folder: Path) -> None:
    def fill_up(name: str) -> None:
        if name == "compact.postings":
            watch(fill_again)

    def fill_again(name: str) -> None:
        if name == "file.created":
            watch(None)
            raise OSError(28, "No space left on device")

    store, _ = opened(folder)
    watch(fill_up)
    try:
        assert store.erase([remove("a")]).erased
    finally:
        watch(None)
    assert files(folder) == []
    assert store.verify() == []
    assert found(store) == ["b1"]
    assert len(files(folder)) == 1


def test_vectors_made_anew_let_go_of_what_was_built_over_the_former_ones(folder: Path) -> None:
    path = folder / "vectors-000000.f32"
    path.write_bytes(bytes(path.stat().st_size))
    store, built = opened(folder)
    assert store.repair(lambda texts: np.stack([NORTH for _ in texts]))
    assert store.verify() == []
    assert store.search(NORTH[None], 3, Scope())[0].scores.tolist() == [1, 1, 1]
    assert built == [3]


def test_nothing_is_kept_while_another_writes(folder: Path) -> None:
    shutil.rmtree(folder / "dense")
    with WriterLock(folder / "writer.lock"):
        store, _ = opened(folder)
        store.prepare()
        assert found(store) == ["a1", "b1", "a2"]
    assert not (folder / "dense").exists()


def test_a_question_does_not_wait_for_a_thread_that_writes(folder: Path) -> None:
    shutil.rmtree(folder / "dense")
    store, _ = opened(folder)
    with store.writing():
        asking = threading.Thread(target=found, args=(store,), daemon=True)
        asking.start()
        asking.join(timeout=30)
        assert not asking.is_alive()
    assert not (folder / "dense").exists()


def test_what_dies_while_it_is_kept_is_removed_by_the_next_commit(folder: Path) -> None:
    def die(name: str) -> None:
        if name == "dense.written":
            raise KeyboardInterrupt

    store, _ = opened(folder, "kept/2")
    watch(die)
    try:
        with pytest.raises(KeyboardInterrupt):
            found(store)
    finally:
        watch(None)
    assert len(files(folder)) == 2
    assert store.verify() == []
    store.commit([remove("b")])
    assert len(files(folder)) == 1


OFFER = """
import sys
import numpy as np
from ragkit.protocols import Scope
from ragkit.store.local.store import LocalStore
from tests.kept_index import KeptIndex
store = LocalStore(path=sys.argv[1], index=KeptIndex()).open()
print("ready", flush=True)
sys.stdin.readline()
for _ in range(20):
    assert len(store.search(np.array([[1, 0]], dtype=np.float32), 9, Scope())[0]) == 3
    store._reader.forget()
problems = store.verify()
assert not problems, problems
"""


def test_processes_that_keep_it_at_once_do_not_disturb_each_other(folder: Path) -> None:
    shutil.rmtree(folder / "dense")
    assert opened(folder)[0].repair()  # so that the manifest names none
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", OFFER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
        )
        for _ in range(3)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    store, built = opened(folder)
    assert found(store) == ["a1", "b1", "a2"]
    assert (built, store.verify()) == ([], [])


READ_ONLY = """
import os, sys
import numpy as np
from ragkit.protocols import Scope
from ragkit.store.local.store import LocalStore
from tests.kept_index import KeptIndex
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
assert not os.access(sys.argv[1], os.W_OK)
for fingerprint, built in (("kept/1", []), ("kept/2", [3])):
    index = KeptIndex(fingerprint)
    store = LocalStore(path=sys.argv[1], index=index).open()
    assert len(store.search(np.array([[1, 0]], dtype=np.float32), 9, Scope())[0]) == 3
    store.prepare()
    assert index.built == built, index.built
    assert store.verify() == []
"""


def test_a_folder_that_cannot_be_written_is_read(folder: Path) -> None:
    place = Path(tempfile.mkdtemp())
    try:
        place.chmod(0o755)
        shutil.copytree(folder, place / "index")
        for path in (place / "index").rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        (place / "index").chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, str(place / "index")],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert done.returncode == 0, done.stderr
        assert len(files(place / "index")) == 1
    finally:
        (place / "index").chmod(0o755)
        (place / "index" / "dense").chmod(0o755)
        (place / "index" / "postings").chmod(0o755)
        shutil.rmtree(place)
