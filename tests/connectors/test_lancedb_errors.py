"""What can be wrong with settings, a folder or a table: one typed error each, with what mends it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lancedb", reason="needs the extra lancedb")

import lancedb
import pyarrow as pa

from ragkit import registry
from ragkit.errors import ConfigError, CorruptIndexError, StoreError, TransientStoreError
from ragkit.protocols import Scope
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, NORTH, OPEN, spec_of, texts
from ragkit_connectors.lancedb import LanceStore
from tests.connectors.lance_stores import Stores

SPEC = spec_of()


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


@pytest.fixture
def index(stores: Stores, tmp_path: Path) -> Path:
    """A folder with an index of two documents, closed."""
    folder = tmp_path / "index"
    store = stores.make(SPEC, path=folder)
    store.commit([put("a", [("one", EAST)]), put("b", [("two", NORTH)])])
    store.close()
    return folder


def opened(stores: Stores, folder: Path) -> LanceStore:
    return stores.unopened(path=folder).open(SPEC)


# --- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, r"path: missing; this setting has no default"),
        ({"path": "s3://bucket/index"}, r"path: expected a folder on this machine. Object stores are not"),
        ({"path": "a\0b"}, r"path: expected a folder"),
        ({"path": "x", "index": "flat"}, r"index: .*'none', 'ivf', 'ivf-pq' or 'hnsw'"),
        ({"path": "x", "pth": "y"}, r"pth: unknown setting.*Did you mean 'path'"),
    ],
)
def test_settings_that_do_not_fit(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        LanceStore(**given)


def test_it_is_registered() -> None:
    assert registry.load("store/lancedb") is LanceStore


# --- the folder -------------------------------------------------------------------------------------


def test_a_folder_that_something_else_made_is_left_alone(stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(StoreError, match=r"the folder holds something else \(letter.txt\). Set another path"):
        opened(stores, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
    other = tmp_path / "db"
    lancedb.connect(str(other)).create_table("mine", pa.table({"x": [1]}))
    with pytest.raises(StoreError, match=r"the folder holds something else \(mine.lance\)"):
        opened(stores, other)
    (tmp_path / "sqlite").mkdir()
    connection = sqlite3.connect(tmp_path / "sqlite" / "records.sqlite")
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(StoreError, match="made by something else than ragkit"):
        opened(stores, tmp_path / "sqlite")
    with pytest.raises(StoreError, match="a file is there, expected a folder"):
        opened(stores, tmp_path / "letter.txt")


def test_no_index_is_made_where_none_may_be(stores: Stores, tmp_path: Path) -> None:
    for spec, create in ((SPEC, False), (None, True)):
        with pytest.raises(StoreError, match="Make one: ragkit ingest"):
            stores.unopened(path=tmp_path / "index").open(spec, create=create)
    assert list(tmp_path.iterdir()) == []


def test_what_died_while_it_made_an_index_does_not_matter(stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "records.sqlite").touch()
    (tmp_path / "table.lock").touch()
    store = opened(stores, tmp_path)
    store.commit([put("a", [("one", EAST)])])
    assert store.verify() == []


def test_records_that_are_being_made_are_nobody_elses(stores: Stores, tmp_path: Path) -> None:
    """SQLite writes a page before the first table: so it is found beside a maker, and after one that died."""
    file = tmp_path / "records.sqlite"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert file.stat().st_size > 0
    with pytest.raises(StoreError, match="no index here"):
        stores.unopened(path=tmp_path).open(SPEC, create=False)
    store = opened(stores, tmp_path)
    store.commit([put("a", [("one", EAST)])])
    assert store.verify() == []


def test_what_is_gone_is_said(stores: Stores, index: Path) -> None:
    copy = index.with_name("copy")
    shutil.copytree(index, copy)
    (copy / "records.sqlite").unlink()
    with pytest.raises(CorruptIndexError, match=r"records.sqlite is gone, and the chunks are there. Restore"):
        opened(stores, copy)
    shutil.rmtree(index / "chunks-000000.lance")
    with pytest.raises(CorruptIndexError, match=r"chunks-000000.lance is gone.*Restore the folder"):
        opened(stores, index)


def test_a_newer_format_is_not_guessed_at(stores: Stores, index: Path) -> None:
    for change in ("PRAGMA user_version = 3", None):
        connection = sqlite3.connect(index / "records.sqlite")
        if change:
            connection.execute(change)
        else:
            connection.execute("PRAGMA user_version = 2")
            (payload,) = connection.execute("SELECT payload FROM head").fetchone()
            text = json.dumps({**json.loads(payload), "format": 9})
            connection.execute("UPDATE head SET payload = ?", (text,))
            connection.commit()
        connection.close()
        with pytest.raises(ConfigError, match=r"this version of ragkit reads [12]\. Use the version that"):
            opened(stores, index)


def test_another_table_under_its_name_is_not_taken_for_its_own(stores: Stores, index: Path) -> None:
    database = lancedb.connect(str(index))
    database.create_table("chunks-000000", pa.table({"x": [1]}), mode="overwrite")
    with pytest.raises(
        StoreError, match=r"other columns than an index has \(no vectors, expected fixed_size"
    ):
        opened(stores, index)


@pytest.mark.parametrize("part", ["data/*.lance", "_versions/*.manifest", "records"])
@pytest.mark.parametrize("damage", ["cut", "emptied", "overwritten"])
def test_damaged_files_are_an_error_and_no_answer(
    stores: Stores, index: Path, part: str, damage: str
) -> None:
    table = index / "chunks-000000.lance"
    files = [index / "records.sqlite"] if part == "records" else list(table.glob(part))
    assert files
    for file in files:
        data = file.read_bytes()
        changed = {"cut": data[: len(data) // 2], "emptied": b"", "overwritten": b"\xa5" * len(data)}[damage]
        file.write_bytes(changed)
    with pytest.raises(StoreError, match=r"Restore|restore|Set another path|no index here"):
        asked(stores.unopened(path=index))


def asked(store: LanceStore) -> None:
    found = store.open(None).search(EAST[None], 5, OPEN)[0].id_list()
    store.fetch(found, OPEN)
    store.search_terms([["one"]], 5, OPEN)


def test_a_flipped_letter_in_a_text_is_found_out(stores: Stores, index: Path) -> None:
    database = lancedb.connect(str(index))
    database.open_table("chunks-000000").update(where="text = 'one'", values={"text": "own"})
    store = opened(stores, index)
    found = store.search(EAST[None], 1, OPEN)[0].id_list()
    with pytest.raises(CorruptIndexError, match=r"damaged|checksum"):
        store.fetch(found, OPEN)
    assert any("'a'" in line for line in store.verify())


def test_lost_vectors_are_embedded_again(stores: Stores, index: Path) -> None:
    database = lancedb.connect(str(index))
    wrong = [0.5, *([0.0] * (SPEC.dimension - 1))]
    database.open_table("chunks-000000").update(where="text = 'one'", values={"vector": wrong})
    store = opened(stores, index)
    (line,) = store.verify()
    assert "has a vector or words of filters that were not written. Run: ragkit repair" in line
    (mended,) = store.repair(lambda given: EAST[None].repeat(len(given), axis=0))
    assert "1 chunks embedded and indexed anew" in mended
    assert store.verify() == []
    assert texts(store, store.search(EAST[None], 1, OPEN)[0].id_list()) == ["one"]


READER = """
import os, sys
from ragkit.errors import StoreError
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, OPEN, spec_of, texts
from ragkit_connectors.lancedb import LanceStore
if os.geteuid() == 0:
    import lancedb
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
assert not os.access(sys.argv[1], os.W_OK)
store = LanceStore(path=sys.argv[1]).open(spec_of())
with store.hold():
    assert texts(store, store.search(EAST[None], 1, OPEN)[0].id_list()) == ["one"]
    assert [len(found) for found in store.search_terms([["one"], ["two"]], 5, OPEN)] == [1, 1]
assert store.verify() == []
for change in (lambda: store.commit([put("c", [("three", EAST)])]), store.compact, store.prepare):
    try:
        change()
    except StoreError as e:
        print(type(e).__name__, e)
try:
    LanceStore(path=sys.argv[1] + "/new").open(spec_of())
except StoreError as e:
    print(type(e).__name__, e)
"""


def test_a_folder_that_cannot_be_written_can_be_asked(stores: Stores) -> None:
    place = Path(tempfile.mkdtemp())
    try:
        place.chmod(0o755)
        store = opened(stores, place / "index")
        store.commit([put("a", [("one", EAST)])])
        store.prepare()  # words of one chunk in a file, of the other in the table alone
        store.commit([put("b", [("two", NORTH)])])
        store.close()
        assert len(list((place / "index" / "words").iterdir())) == 1
        for path in place.rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        done = subprocess.run(
            [sys.executable, "-c", READER, str(place / "index")],
            capture_output=True, text=True, timeout=120,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said = done.stdout.splitlines()
        assert len(said) == 4
        assert all("cannot be written to" in line and "permissions" in line for line in said), said
    finally:
        for path in [place, *place.rglob("*")]:
            path.chmod(0o755)
        shutil.rmtree(place)


# --- what goes wrong while it is written ------------------------------------------------------------

LIMITED = """
import resource, sys
from ragkit.errors import StoreError
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, OPEN, spec_of, texts
from ragkit_connectors.lancedb import LanceStore
store = LanceStore(path=sys.argv[1]).open(spec_of())
def text(i):
    return f"new {i} " + "".join(chr(0x4E00 + (i * 7919 + j * 104729) % 20000) for j in range(9000))


big = put("a", [(text(i), EAST) for i in range(40)])
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
try:
    store.commit([big])
except StoreError as e:
    print(type(e).__name__, e)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert sorted(texts(store, store.search(EAST[None], 9, OPEN)[0].id_list())) == ["one", "two"]
store.commit([big])
assert store.counts().chunks == 41
assert store.verify() == []
"""


def test_a_file_that_cannot_grow_loses_nothing(index: Path) -> None:
    """The system refuses to write on, as on a full disk, in the middle of a file."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(index)], capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Error" in done.stdout


def test_who_changes_the_table_is_waited_for_and_then_said(
    stores: Stores, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ragkit_connectors.lancedb import table

    monkeypatch.setattr(table, "_PATIENCE_S", 0.1)
    store, other = opened(stores, index), opened(stores, index)
    with (
        other._server.table.locked(),
        pytest.raises(TransientStoreError, match=r"Try again; reading goes on"),
    ):
        store.commit([put("c", [("three", EAST)])])
    assert store.commit([put("c", [("three", EAST)])])
    assert store.verify() == []


def test_a_value_that_is_no_unit_vector_is_refused(stores: Stores, index: Path) -> None:
    store = opened(stores, index)
    for vector in (EAST * 2, EAST[:1], EAST * float("nan")):
        with pytest.raises(StoreError, match=r"squared length|shape"):
            store.search(vector[None], 1, Scope())
        with pytest.raises((StoreError, ValueError)):
            store.commit([put("c", [("three", vector)])])
    assert store.counts().chunks == 2
