"""Qdrant's engine as an embedded store: one folder, one process, and what is forgotten leaves the files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from ragkit import failpoints
from ragkit.errors import ConfigError, CorruptIndexError, MissingExtraError, StoreError
from ragkit.protocols import Scope
from ragkit.store.local.store import LocalStore
from ragkit.store.migrate import migrate
from ragkit.testing.certify import certify
from ragkit.testing.data import put, remove, unit
from ragkit.testing.oracle import OracleStore
from ragkit.testing.stores import EAST, NORTH, OPEN, spec_of, texts
from ragkit_connectors.qdrant import QdrantStore
from tests.scale import scaled
from tests.unit.store.test_congruence import agree
from tests.unit.store.test_migrate import SPEC as MIGRATED
from tests.unit.store.test_migrate import check_same, collection, fill

pytest.importorskip("qdrant_edge")
from tests.connectors.qdrant_edge import new_folder

SPEC = spec_of()
MARK = b"qzforgottenqz"


@pytest.fixture
def folder() -> Path:
    return new_folder() / "index"


def opened(folder: Path) -> QdrantStore:
    return QdrantStore(engine="edge", path=folder).open(SPEC)


def told(store: QdrantStore | OracleStore) -> list[str | None]:
    return texts(store, store.search(EAST[None], 9, OPEN)[0].id_list())


def holds_mark(folder: Path) -> bool:
    found = subprocess.run(["grep", "-rqa", MARK.decode(), str(folder)], check=False).returncode
    assert found in (0, 1)
    return found == 0


def test_what_was_committed_is_there_when_it_is_opened_again(folder: Path) -> None:
    store = opened(folder)
    store.commit([put("a", [("one два", EAST)]), put("b", [("two", NORTH)])])
    store.close()
    store = QdrantStore(engine="edge", path=folder).open(None)
    assert told(store) == ["one два", "two"]
    assert [len(found) for found in store.search_terms([["два"], ["gone"]], 5, OPEN)] == [1, 0]
    assert store.verify() == []
    store.close()
    with pytest.raises(StoreError, match="was closed"):
        store.head()


def test_what_is_forgotten_leaves_the_files(folder: Path) -> None:
    store = opened(folder)
    store.commit([put("a", [(MARK.decode(), EAST)]), put("b", [("kept", NORTH)])])
    assert holds_mark(folder)
    assert store.erase([remove("a")]).erased
    assert store.holdings().erases_files
    assert not holds_mark(folder)
    assert told(store) == ["kept"]
    assert store.verify() == []
    # What comes next is written on what was copied.
    store.commit([put("b", [("changed", EAST)]), put("c", [("new", NORTH)])])
    assert told(store) == ["changed", "new"]
    store.close()
    assert not holds_mark(folder)


def test_what_a_reader_holds_is_erased_by_a_later_compaction(folder: Path) -> None:
    store = opened(folder)
    store.commit([put("a", [(MARK.decode(), EAST)])])
    with store.hold() as commit:
        assert not store.erase([remove("a")], wait_s=0.1).erased
        then = Scope(commit=commit)
        assert texts(store, store.search(EAST[None], 9, then)[0].id_list(), then) == [MARK.decode()]
        assert holds_mark(folder)
    assert store.compact().erased
    assert not holds_mark(folder)
    store.close()


def test_killed_while_it_makes_a_shard_anew_nothing_is_lost(folder: Path) -> None:
    opened(folder).close()
    for place, which in (("renew.copied", 1), ("renew.moved", 1), ("renew.moved", 2), ("renew.done", 2)):

        def work(place: str = place, which: int = which) -> None:
            store = opened(folder)
            store.commit([put("a", [(MARK.decode(), EAST)]), put("b", [(f"kept {place}", NORTH)])])
            failpoints.watch(_killed_at(place, which))
            store.erase([remove("a")])

        assert in_child(work) == -signal.SIGKILL
        store = opened(folder)
        assert told(store) == [f"kept {place}"]
        assert store.verify() == []
        store.close()
        # The next compaction ends the work.
        store = opened(folder)
        assert store.compact().erased
        assert not store.holdings().to_erase
        store.close()
        assert not holds_mark(folder)


def test_an_index_is_open_once_and_a_folder_may_hold_several(folder: Path) -> None:
    store = opened(folder)
    with pytest.raises(StoreError, match=r"open already.*Close that.*set url"):
        opened(folder)
    code = (
        "from ragkit_connectors.qdrant import QdrantStore\n"
        f"QdrantStore(engine='edge', path={str(folder)!r}).open(None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode != 0
    assert "open already" in done.stderr
    store.commit([put("a", [("one", EAST)])])
    other = QdrantStore(engine="edge", path=folder, collection="other").open(SPEC)
    assert (told(store), told(other)) == (["one"], [])
    assert store.erase([remove("a")]).erased
    assert other.verify() == []
    for one in (store, other):
        one.close()


def test_after_a_fork_a_child_is_refused_and_the_parent_goes_on(folder: Path) -> None:
    store = opened(folder)

    def work() -> None:
        with pytest.raises(StoreError, match="Open it after the fork"):
            store.head()
        store.close()

    assert in_child(work) == 0
    store.commit([put("a", [("one", EAST)])])
    assert told(store) == ["one"]
    store.close()


def test_a_lost_shard_is_named(folder: Path) -> None:
    opened(folder).close()
    (folder / "ragkit").rename(folder / "elsewhere")
    with pytest.raises(CorruptIndexError, match="the collection of the chunks is gone"):
        opened(folder)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"engine": "edge", "location": ":memory:"}, "set path, and neither url nor location"),
        ({"engine": "edge", "url": "http://q:6333"}, "set path, and neither url nor location"),
        ({"engine": "edge"}, "expected one of url"),
        ({"engine": "egde", "path": "x"}, "'server' or 'edge'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        QdrantStore(**settings)


def test_without_the_package_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "qdrant_edge", None)
    with pytest.raises(MissingExtraError, match=r"qdrant_edge.*pip install 'ragkit\[qdrant-edge\]'"):
        opened(folder)


def test_it_needs_no_client(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "qdrant_client", None)
    store = opened(folder)
    store.commit([put("a", [("one", EAST)])])
    assert told(store) == ["one"]
    store.close()
    with pytest.raises(MissingExtraError, match=r"qdrant_client.*pip install 'ragkit\[qdrant\]'"):
        QdrantStore(location=":memory:").open(SPEC)


def test_it_names_its_engine(folder: Path) -> None:
    store = opened(folder)
    assert (store.engine().name, store.engine().stand_in) == ("Qdrant", "")
    assert store.engine().version == f"edge {version('qdrant-edge-py')}"
    store.close()


def test_it_is_certified() -> None:
    home = new_folder()
    done = certify(QdrantStore(engine="edge", path=home / "index"), "store/qdrant", cases=scaled(40, part=4))
    assert (done.verdict, done.failures, done.reservations) == ("certified", (), ())
    assert list(home.iterdir()) == []


def test_an_index_migrates_to_it_and_back(folder: Path) -> None:
    local = collection(LocalStore(path=folder.parent / "local").open(MIGRATED))
    fill(local.store, 30)
    there = collection(QdrantStore(engine="edge", path=folder).open(MIGRATED))
    check_same(local, there, migrate(local, there))
    back = collection(LocalStore(path=folder.parent / "back").open(MIGRATED))
    check_same(there, back, migrate(there, back))
    for one in (local, there, back):
        one.close()


def test_indexes_are_made_where_they_are_worth_it(folder: Path) -> None:
    """Of each shard by itself, also by who opens it later, and they change no answer."""

    def indexed(store: QdrantStore) -> list[bool]:
        shards = store._server._qdrant._shards  # type: ignore[attr-defined]
        found = []
        for name in ("ragkit", "ragkit__ragkit"):
            with shards.use(name) as shard:
                found.append(bool(shard.info().payload_schema))
        return found

    store, oracle = opened(folder), OracleStore(SPEC)
    for n, wanted in ((60, [False, False]), (30, [True, False]), (60, [True, True])):
        changes = [put(f"d{i}", [(f"w{i % 7} t{j}", unit([i, j + 1])) for j in range(3)]) for i in range(n)]
        for one in (store, oracle):
            one.commit(changes)
        assert indexed(store) == wanted
        assert sorted(told(store), key=str) == sorted(told(oracle), key=str)
        agree(
            store.search_terms([["w3", "t1"]], 200, OPEN)[0],
            oracle.search_terms([["w3", "t1"]], 200, OPEN)[0],
        )
        store.close()
        store = opened(folder)
        assert indexed(store) == wanted
    store.compact()
    assert indexed(store) == [True, True]
    assert store.verify() == []
    store.close()


def test_its_graph_answers_as_a_comparison_with_all(folder: Path) -> None:
    """Compacting builds a graph where there are more vectors than are compared."""
    rng = np.random.default_rng(3)
    made = rng.normal(size=(500, 2)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    store = QdrantStore(engine="edge", path=folder, exact_below=20).open(SPEC)
    store.commit([put(f"d{i}", [(f"t{i}", vector)]) for i, vector in enumerate(made)])
    store.compact()
    with store._server._qdrant._shards.use("ragkit") as shard:  # type: ignore[attr-defined]
        assert shard.info().indexed_vectors_count > 0
    (found,) = store.search(EAST[None], 20, OPEN)
    best = np.sort(made @ EAST)[::-1][:20]
    assert np.mean(np.isin(found.scores.round(6), best.round(6))) >= 0.9
    assert store.verify() == []
    store.close()


def _killed_at(place: str, which: int) -> Callable[[str], None]:
    left = which

    def reached(name: str) -> None:
        nonlocal left
        left -= name == place
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached


def in_child(work: Callable[[], object]) -> int:
    """How a child ends that does some work."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
