"""What is forgotten leaves the files, readers go on meanwhile, and indexes change no answer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lancedb", reason="needs the extra lancedb")

import numpy as np

from ragkit import failpoints
from ragkit.errors import TransientStoreError
from ragkit.protocols import Change, Scope
from ragkit.store.remote import head as heads
from ragkit.store.remote.conditions import all_of, equals, in_range
from ragkit.store.remote.server import CHUNKS, RECORDS
from ragkit.store_spec import StoreSpec
from ragkit.testing.certify import certify
from ragkit.testing.data import put, remove, unit
from ragkit.testing.oracle import OracleStore
from ragkit.testing.stores import EAST, NORTH, OPEN, spec_of, texts
from ragkit_connectors.lancedb import LanceStore, indexes
from ragkit_connectors.lancedb.errors import ChangedError
from ragkit_connectors.lancedb.filters import as_sql
from ragkit_connectors.lancedb.rows import schema_of
from ragkit_connectors.lancedb.table import LOCK, ChunkTable, _taken
from ragkit_connectors.lancedb.words import Words
from tests.connectors.lance_stores import Stores
from tests.unit.store.test_congruence import agree

SPEC = spec_of()
MARK = "qzforgottenqz"


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def holding(folder: Path, mark: bytes) -> list[str]:
    return [name for name, data in files(folder).items() if mark in data]


# --- erasing ----------------------------------------------------------------------------------------


def noise(name: str) -> str:
    """A text that no compression makes shorter, so that it can be looked for in files."""
    rng = np.random.default_rng(sum(name.encode()))
    return "".join(chr(c) for c in rng.integers(0x4E00, 0x9FFF, 60))


def test_what_is_forgotten_leaves_every_file(stores: Stores, tmp_path: Path) -> None:
    """Also what was written over, and what lies in older versions and in indexes."""
    folder = tmp_path / "index"
    store = stores.make(SPEC, path=folder)
    for text in (noise("first"), noise("second")):
        store.commit([put("a", [(text, EAST)], metadata={"note": text}), put("b", [("kept", NORTH)])])
    store.prepare()
    marks = [noise(name).encode() for name in ("first", "second")]
    before = files(folder)
    assert all(
        any(mark in data for name, data in before.items() if name.startswith("chunks")) for mark in marks
    )
    assert store.erase([remove("a")]).erased
    assert [holding(folder, mark) for mark in marks] == [[], []]
    vector = EAST.tobytes()
    assert not any(vector in data for name, data in files(folder).items() if name.startswith("chunks"))
    # No file of the table outlived it, whatever it may hold.
    gone = {name for name in before if name.startswith(("chunks", "words"))}
    assert gone.isdisjoint(files(folder))
    assert {name.partition("/")[0] for name in gone} == {"chunks-000000.lance", "words"}
    assert not store.holdings().to_erase
    assert texts(store, store.search(EAST[None], 5, OPEN)[0].id_list()) == ["kept"]
    assert store.verify() == []


@pytest.mark.parametrize("step", ["copy", "drop_others"])
def test_nothing_is_called_erased_that_is_not(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    store = stores.make(SPEC, path=tmp_path / "index")
    store.commit([put("a", [(noise("a"), EAST)]), put("b", [("kept", NORTH)])])

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(ChunkTable, step, fail)
        with pytest.raises(OSError, match="No space left"):
            store.erase([remove("a")])
    assert store.holdings().to_erase
    assert texts(store, store.search(EAST[None], 5, OPEN)[0].id_list()) == ["kept"]
    assert store.compact().erased
    assert not store.holdings().to_erase
    assert holding(tmp_path / "index", noise("a").encode()) == []


def test_a_copy_that_never_ended_keeps_nothing(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compaction dies with half of its work done; what it copied is removed, then all is compacted."""
    store = stores.make(SPEC, path=tmp_path / "index")
    store.commit([put("a", [(noise("a"), EAST)]), put("b", [("older", NORTH)])])
    store.commit([put("b", [("kept", NORTH)])])

    def die(*_: Any) -> None:
        raise TransientStoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Words, "anew", die)
        with pytest.raises(TransientStoreError):
            store.compact()
    mark = noise("a").encode()
    assert {name.partition("/")[0] for name in holding(tmp_path / "index", mark)} >= {"chunks-000001.lance"}
    store.commit([remove("a")])
    assert store.compact().erased
    assert holding(tmp_path / "index", mark) == []
    assert texts(store, store.search(EAST[None], 5, OPEN)[0].id_list()) == ["kept"]
    assert store.verify() == []


# --- readers and writers ----------------------------------------------------------------------------


def test_a_table_that_goes_is_never_seen_by_halves(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the files of a table the newest version may go first: the one before it has no row."""
    writer = stores.make(SPEC, path=tmp_path / "index")
    writer.commit([put("a", [("common 0", EAST)])])
    writer.commit([put("a", [("common 1", EAST)])])
    writer.compact()  # a table that was written anew: made empty, then filled
    table = ChunkTable(tmp_path / "index", "index", lambda: 1)
    opened = table.read(_itself)
    found: list[int] = []
    really = shutil.rmtree

    def ask_between(path: Path, **_: object) -> None:
        versions = sorted((path / "_versions").glob("*.manifest"))
        assert len(versions) >= 2
        for newer in versions[:-1]:  # their names count down
            newer.unlink()
        with contextlib.suppress(ChangedError):
            found.append(table._run(opened.count_rows()))
        really(path)

    writer.commit([put("a", [("common 2", EAST)])])
    assert table._run(opened.count_rows()) == 2
    monkeypatch.setattr(shutil, "rmtree", ask_between)
    writer.compact()
    assert found == []
    table.close()


async def _itself(table: Any) -> Any:
    return table


def test_an_interrupted_change_keeps_its_lock_to_its_end(tmp_path: Path) -> None:
    """Else another process might tidy away files that are about to be named."""
    table, seen = ChunkTable(tmp_path, "index", lambda: 0), list[str]()
    table.make(0, schema_of(2))

    async def change(_: Any) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        await asyncio.sleep(0.2)
        handle = os.open(tmp_path / LOCK, os.O_RDWR)
        seen.append("free" if _taken(handle) else "locked")
        os.close(handle)

    with pytest.raises(KeyboardInterrupt):
        table.change(change)
    assert seen == ["locked"]
    table.close()


def test_what_goes_while_files_are_counted_does_not_count(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer in another process tidies, or removes the table before this one."""
    store = stores.make(SPEC, path=tmp_path / "index")
    store.commit([put("a", [("one", EAST)])])
    known, gone, really = store.holdings().n_bytes, tmp_path / "index" / "gone-1", os.scandir
    gone.mkdir()

    def look(path: Any = ".") -> Any:
        if path and Path(path) == gone and gone.exists():
            gone.rmdir()
        return really(path)

    monkeypatch.setattr(os, "scandir", look)
    assert store.holdings().n_bytes == known
    assert not gone.exists()


def test_readers_go_on_while_the_table_is_written_anew(stores: Stores, tmp_path: Path) -> None:
    """Each of many questions sees a commit whole, though its files are taken from under it."""
    folder = tmp_path / "index"
    writer = stores.make(SPEC, path=folder)
    writer.commit([put("a", [(f"common 0 part {i}", EAST) for i in range(6)])])
    reader = stores.make(SPEC, path=folder)
    done = False

    def ask() -> int:
        n = 0
        while not done or n < 5:
            with reader.hold() as commit:
                found = reader.search(EAST[None], 50, Scope(commit=commit))[0].id_list()
                said = {str(text).split()[1] for text in texts(reader, found, Scope(commit=commit))}
                assert (len(found), len(said)) == (6, 1)
                assert len(reader.search_terms([["common"]], 50, Scope(commit=commit))[0]) == 6
            n += 1
        return n

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(ask) for _ in range(2)]
        try:
            for version in range(1, 9):
                writer.commit([put("a", [(f"common {version} part {i}", EAST) for i in range(6)])])
                writer.prepare()
                writer.compact(wait_s=0.05)
        finally:
            done = True
        assert all(future.result() >= 5 for future in asked)
    assert writer._server.records.mark("generation") > 0


def test_a_second_writer_is_told_who_writes(stores: Stores, tmp_path: Path) -> None:
    store, other = (stores.make(SPEC, path=tmp_path / "index") for _ in range(2))
    with (
        store.writing(),
        pytest.raises(TransientStoreError, match=r"is writing to this index.*its lease ends"),
    ):
        other.commit([put("a", [("one", EAST)])])
    assert other.commit([put("a", [("one", EAST)])]) == 1


def test_a_writer_that_was_overtaken_writes_nothing(stores: Stores, tmp_path: Path) -> None:
    """It slept for longer than its lease; what it wrote before and after is not to be seen."""
    store, other = (stores.make(SPEC, path=tmp_path / "index") for _ in range(2))
    store.commit([put("a", [("one", EAST)])])
    with store.writing():
        server = store._server
        server.records.change_head({"expires_ms": 1}, {})
        assert other.commit([put("a", [("two", EAST)])]) == 2
        with pytest.raises(TransientStoreError):
            store.commit([put("a", [("three", EAST)])])
    assert texts(other, other.search(EAST[None], 5, OPEN)[0].id_list()) == ["two"]
    assert other.commit([put("b", [("four", EAST)])]) > 2
    assert other.verify() == []


def test_what_a_writer_ends_in_its_sleep_is_not_collected(stores: Stores, tmp_path: Path) -> None:
    """Its request comes through after another one has burnt its number, in the middle of a compaction."""
    store, other = (stores.make(SPEC, path=tmp_path / "index") for _ in range(2))
    store.commit([put("a", [("one", EAST)]), put("b", [("two", NORTH)])])
    server = store._server
    with store.writing():
        server.change_head({"intent": 2, "expires_ms": 1}, {})
        assert other.commit([put("b", [("three", NORTH)])]) == 3

        def wake(name: str) -> None:
            if name == "compact.begun":
                late = all_of([in_range("from", lt=2), equals("to", heads.OPEN)])
                for place in (CHUNKS, RECORDS):
                    server.set(place, {"to": 2}, late)

        failpoints.watch(wake)
        try:
            done = other.compact()
        finally:
            failpoints.watch(None)
    assert done.n_collected == 2  # the chunk and the text of b as it was
    assert texts(other, other.search(EAST[None], 5, OPEN)[0].id_list()) == ["one", "three"]
    assert other.verify() == []
    assert other.repair() == []
    assert texts(other, other.search(EAST[None], 5, OPEN)[0].id_list()) == ["one", "three"]


CHILD = """
import os, sys, warnings
warnings.simplefilter("ignore")
from ragkit.errors import StoreError
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, OPEN, spec_of, texts
from ragkit_connectors.lancedb import LanceStore
store = LanceStore(path=sys.argv[1])
first = os.fork()
if first == 0:
    store.open(spec_of()).commit([put("a", [("one", EAST)])])
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) == 0
store.open(spec_of())
with store.writing(), store.hold() as commit:
    child = os.fork()
    if child == 0:
        for call in (lambda: store.search(EAST[None], 5, OPEN), lambda: LanceStore(path=sys.argv[1]).open()):
            try:
                call()
            except StoreError as e:
                print(e, flush=True)
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert len(store.search(EAST[None], 5, OPEN)[0]) == 1
    store.commit([put("b", [("two", EAST)])])
"""


def test_a_forked_process_is_told_where_the_engine_would_crash(tmp_path: Path) -> None:
    """And one that was forked before the engine was used works; what the parent holds stays held."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "index")], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == 2
    assert all("cannot be used in it. Start processes by multiprocessing's 'spawn'" in line for line in said)


# --- faults -----------------------------------------------------------------------------------------


class Faulty(ChunkTable):
    """A table of which one change fails: not begun, or done and not told."""

    fault: str | None = None
    left = 0

    def change(self, do: Any) -> Any:
        """A change, unless it is the one that fails."""
        Faulty.left -= 1
        if Faulty.fault is None or Faulty.left != 0:
            return super().change(do)
        if Faulty.fault == "done and not told":
            super().change(do)
        raise TransientStoreError("the disk failed or is full")


def document(name: str, version: int) -> Change:
    return put(name, [(f"common {name} version {version} part {i}", unit([1, i])) for i in range(3)])


def seen(store: LanceStore) -> list[str]:
    (dense,), (sparse,) = store.search(EAST[None], 99, OPEN), store.search_terms([["common"]], 99, OPEN)
    assert sorted(dense.id_list()) == sorted(sparse.id_list())
    return sorted(str(text) for text in texts(store, dense.id_list()))


@pytest.mark.parametrize("fault", ["not begun", "done and not told"])
@pytest.mark.parametrize("place", [1, 2, 3, 4])
def test_a_commit_that_fails_anywhere_is_whole_or_not_there(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, fault: str, place: int
) -> None:
    from ragkit_connectors.lancedb import server

    monkeypatch.setattr(server, "ChunkTable", Faulty)
    store = stores.make(SPEC)
    store.commit([document("a", 1), document("b", 1)])
    before = seen(store)
    after = sorted(r.chunk.text for c in (document("a", 2), document("c", 1)) for r in c.records)
    monkeypatch.setattr(Faulty, "fault", fault)
    monkeypatch.setattr(Faulty, "left", place)
    changes = [document("a", 2), remove("b"), document("c", 1)]
    failed = False
    try:
        store.commit(changes)
    except TransientStoreError:
        failed = True
    monkeypatch.setattr(Faulty, "fault", None)
    assert seen(store) == (before if failed else after)
    assert failed == (place <= 2)  # the rows, and the end of the old ones
    store.commit(changes)
    assert seen(store) == after
    store.compact()
    assert (seen(store), store.holdings().n_ended, store.verify()) == (after, 0, [])


# --- indexes ----------------------------------------------------------------------------------------

N, WIDTH = 1_500, 16
FIELDS_SPEC = StoreSpec("test", embedder_fingerprint="test", dimension=WIDTH, fields=SPEC.fields)


def many(seed: int, n: int = N) -> list[Change]:
    """Documents of ten passages around a hundred topics."""
    rng = np.random.default_rng(seed)
    topics = rng.normal(size=(100, WIDTH))
    vectors = topics[rng.integers(0, 100, n)] + 0.35 * rng.normal(size=(n, WIDTH))
    words = np.minimum(rng.zipf(1.3, (n, 12)), 400)
    changes = []
    for first in range(0, n, 10):
        rows = range(first, first + 10)
        passages = [(" ".join(f"w{w}" for w in words[i]) + f" n{i}", unit(vectors[i].tolist())) for i in rows]
        metadata = {"year": first % 97, "lang": ("en", "ru")[first // 10 % 2]}
        changes.append(put(f"d{first}", passages, metadata=metadata))
    return changes


@pytest.fixture(scope="module")
def filled() -> tuple[list[Change], OracleStore]:
    changes = many(5)
    oracle = OracleStore(FIELDS_SPEC)
    oracle.commit(changes)
    return changes, oracle


@pytest.mark.parametrize("kind", ["none", "ivf", "ivf-pq", "hnsw"])
def test_indexes_find_what_a_comparison_with_all_finds(
    stores: Stores, filled: tuple[list[Change], OracleStore], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Before and after a change that they do not know of yet; the words and filters exactly."""
    monkeypatch.setattr(indexes, "FROM", 100)
    changes, oracle = filled
    store = stores.make(FIELDS_SPEC, index=kind, exact_below=500)
    store.commit(changes[:120])
    store.prepare()
    store.commit(changes[120:])
    there = store._server.table.read(indexes.names_of)
    assert {"by_row", "by_k", "by_doc"} <= set(there)
    assert ("by_vector" in there) == (kind != "none")
    queries = np.stack([r.vector for c in changes[::40] for r in c.records[:2]])
    wide, narrow = None, _filter("ru", 3)
    for wanted, least in ((wide, 0.95), (narrow, 1.0)):
        scope = Scope(filter=wanted)
        ours, theirs = store.search(queries, 10, scope), oracle.search(queries, 10, scope)
        shared = [
            len(set(a.id_list()) & set(b.id_list())) / len(b) for a, b in zip(ours, theirs, strict=True)
        ]
        assert np.mean(shared) >= (1.0 if kind == "none" else least)
        for a, b in zip(ours, theirs, strict=True):
            scores = dict(zip(b.id_list(), b.scores.tolist(), strict=True))
            assert all(
                abs(scores.get(i, s) - s) < 1e-5 for i, s in zip(a.id_list(), a.scores.tolist(), strict=True)
            )
    for terms in (["w1"], ["w7", "w1", "n1499"], [f"w{i}" for i in range(1, 40)]):
        for scope in (Scope(), Scope(filter=narrow)):
            agree(store.search_terms([terms], 10, scope)[0], oracle.search_terms([terms], 10, scope)[0])


def _filter(lang: str, year: int) -> Any:
    from ragkit.filters import And, Eq, Lt

    return And((Eq("lang", lang), Lt("year", year)))


def test_a_condition_on_an_index_reads_few_rows(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's own plan names the indexes of groups, of words of filters and of the range's field."""
    from ragkit.store.remote.conditions import all_of, equals, in_range

    monkeypatch.setattr(indexes, "FROM", 100)
    store = stores.make(FIELDS_SPEC)
    store.commit(many(6, 300))
    store.prepare()
    condition = all_of([in_range("to", gt=1), equals("acl", "n7"), equals("k", "4:lang:s:ru")])

    async def plan(table: Any) -> str:
        return str(await table.query().where(as_sql(condition)).select(["id"]).explain_plan(True))

    said = store._server.table.read(plan)
    assert all(f"@by_{name}" in said for name in ("last", "acl", "k")), said
    assert store._server.count(CHUNKS, condition) <= 1


def test_an_index_that_is_not_asked_for_any_more_goes(stores: Stores, tmp_path: Path) -> None:
    given: dict[str, Any] = {"path": tmp_path / "index", "exact_below": 100}
    store = stores.make(FIELDS_SPEC, index="ivf", **given)
    store.commit(many(6, 600))
    store.prepare()
    assert "by_vector" in store._server.table.read(indexes.names_of)
    store.close()
    other = stores.make(FIELDS_SPEC, index="none", **given)
    other.prepare()
    assert "by_vector" not in other._server.table.read(indexes.names_of)
    assert other.capabilities.exact_dense


# --- the certificate --------------------------------------------------------------------------------


def test_it_is_certified(tmp_path: Path) -> None:
    done = certify(LanceStore(path=tmp_path / "index"), "store/lancedb", cases=4)
    assert (done.verdict, done.failures, done.reservations) == ("certified", (), ())
    assert done.engine is not None
    assert done.engine.name == "LanceDB"
    assert list(tmp_path.iterdir()) == []
