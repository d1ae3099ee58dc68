"""What is replaced or removed leaves the files, and no reader notices."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ragkit.errors import CorruptIndexError, StoreError
from ragkit.protocols import Scope
from ragkit.store.abilities import Compaction
from ragkit.store.local.store import LocalStore
from ragkit.testing.data import put, quarantine, remove
from ragkit.testing.stores import EAST, NORTH, WEST, spec_of

CANARY = "zanzibar"


class Words:
    fingerprint = "test"

    def terms(self, text: str) -> list[str]:
        return text.split()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    """Five chunks, of which two were replaced and one was removed."""
    opened = again(tmp_path / "index")
    opened.commit([put("a", [(f"{CANARY} old", EAST), ("older", WEST)]), put("b", [("kept bird", NORTH)])])
    opened.commit([put("a", [("new bird", EAST)])])
    opened.commit([put("c", [("short lived", WEST)])])
    opened.commit([remove("c")])
    yield opened
    opened.close()


def again(path: Path) -> LocalStore:
    return LocalStore(path=path).open(spec_of(), analyzer=Words())


def found(store: LocalStore, commit: int | None = None) -> dict[str, object]:
    """All that a reader of a commit is given."""
    scope = Scope(commit=commit)
    seen: dict[str, object] = {}
    for words in ("bird", CANARY, "older"):
        (hits,) = store.search_terms([[words]], 10, scope)
        seen[words] = (hits.id_list(), hits.scores.tolist())
    (hits,) = store.search(EAST[None], 10, scope)
    seen["east"] = (hits.id_list(), hits.scores.tolist())
    seen["chunks"] = store.fetch(hits.id_list(), scope)
    seen["vectors"] = store.vectors(hits.id_list(), scope).tolist()
    return seen


def test_the_current_commit_shows_the_same_from_fewer_rows(store: LocalStore) -> None:
    before = found(store)
    assert store.holdings().n_ended == 3
    assert store.compact() == Compaction(5, n_held=0, erased=True)  # three chunks of two versions
    assert (store.holdings().n_ended, store.holdings().n_chunks) == (0, 2)
    assert found(store) == before
    assert found(again(store.path)) == before
    assert [path.name for path in store.path.glob("vectors-*")] == ["vectors-000001.f32"]
    assert (store.path / "vectors-000001.f32").stat().st_size == 2 * 2 * 4
    assert store.verify() == []
    assert store.compact() == Compaction(0, n_held=0, erased=True)


def test_what_is_written_after_a_compaction_is_found(store: LocalStore) -> None:
    store.compact()
    store.commit([put("d", [("next bird", EAST)]), put("b", [("changed", WEST)])])
    texts = [
        chunk.text
        for chunk in store.fetch(store.search(EAST[None], 9, Scope())[0].id_list(), Scope())
        if chunk
    ]
    assert sorted(texts) == ["changed", "new bird", "next bird"]
    assert store.verify() == []
    before = found(store)
    assert store.compact().n_collected == 2
    assert found(store) == found(again(store.path)) == before
    assert store.verify() == []


def test_an_index_from_which_all_was_removed_is_empty_and_usable(store: LocalStore) -> None:
    store.commit([remove("a"), remove("b")])
    assert store.compact().erased
    assert store.holdings().n_chunks == 0
    assert len(store.search(EAST[None], 5, Scope())[0]) == 0
    assert store.verify() == []
    store.commit([put("a", [("new bird", EAST)])])
    assert len(again(store.path).search_terms([["bird"]], 5, Scope())[0]) == 1
    assert store.verify() == []


def test_a_commit_that_is_held_stays_whole(store: LocalStore) -> None:
    reader = again(store.path)
    with reader.hold() as commit:
        before = found(reader, commit)
        store.commit([remove("a"), put("b", [("changed", WEST)])])
        done = store.compact()
        assert (done.n_held, done.erased) == (4, False)
        # Both the reader, with the files that it has open, and one that opens the new files.
        assert found(reader, commit) == before == found(store, commit)
    assert store.compact() == Compaction(4, n_held=0, erased=True)
    assert store.verify() == []


HOLDER = """
import sys
from ragkit.store.local.store import LocalStore
store = LocalStore(path=sys.argv[1]).open()
with store.hold() as commit:
    print(commit, flush=True)
    sys.stdin.read()
"""


def test_a_reader_in_another_process_is_waited_for_until_it_dies(store: LocalStore) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(store.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"4\n"
        store.commit([remove("a")])
        assert store.compact(wait_s=0.1).n_held == 2
        holder.kill()
        holder.wait()
        assert store.compact(wait_s=10).erased


def test_a_commit_that_nobody_holds_is_refused_once_it_is_collected(store: LocalStore) -> None:
    reader = again(store.path)
    old = Scope(commit=1)
    ids = reader.search(EAST[None], 9, old)[0].id_list()
    store.compact()
    for call in (
        lambda: reader.fetch(ids, old),
        lambda: reader.vectors(ids, old),
        lambda: store.search(EAST[None], 9, old),
        lambda: store.search_terms([["bird"]], 9, old),
    ):
        with pytest.raises(StoreError, match=r"commit 1 is not kept any more.*Ask again: .* commit is 4"):
            call()
    assert found(reader)["east"] == found(store)["east"]


def test_no_byte_of_what_was_removed_is_left(store: LocalStore) -> None:
    def holds(needle: bytes) -> bool:
        return any(needle in path.read_bytes() for path in store.path.rglob("*") if path.is_file())

    assert holds(CANARY.encode())
    assert holds(WEST.tobytes())
    store.compact()
    assert not holds(CANARY.encode())
    assert not holds(WEST.tobytes())
    assert not holds(b"lived")


def test_erasing_takes_out_a_state_that_has_no_content(store: LocalStore) -> None:
    store.commit([quarantine("secret-name", reason="broken")])
    assert store.erase([remove("secret-name")]).erased
    assert not any(b"secret-name" in path.read_bytes() for path in store.path.rglob("*") if path.is_file())
    assert store.holdings().to_erase is False


def test_damage_is_not_copied_under_a_new_checksum(store: LocalStore) -> None:
    path = store.path / "vectors-000000.f32"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptIndexError, match=r"are not what was written\. Run ragkit repair"):
        again(store.path).compact()
    assert any("not what was written" in line for line in again(store.path).verify())


def test_another_dense_index_follows_into_the_new_generation(store: LocalStore) -> None:
    pytest.importorskip("faiss", reason="needs faiss-cpu or faiss-gpu")
    other = LocalStore(path=store.path, index={"use": "index/faiss", "kind": "hnsw"}).open(spec_of())
    before = other.search(np.stack([EAST, NORTH]), 3, Scope())
    store.compact()
    with other.hold():
        after = other.search(np.stack([EAST, NORTH]), 3, Scope())
    assert [b.id_list() for b in before] == [a.id_list() for a in after]
    assert other.verify() == []
