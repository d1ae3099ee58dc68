"""Files of words: what they answer is exact, whether they are there, behind, damaged or being replaced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lancedb", reason="needs the extra lancedb")

import numpy as np

from ragkit.errors import TransientStoreError
from ragkit.filters import Contains, Filter, Gte
from ragkit.protocols import Change, Scope
from ragkit.testing import strategies as made
from ragkit.testing.congruence import PLAIN, READERS, congruence
from ragkit.testing.data import put, remove, unit
from ragkit.testing.oracle import OracleStore
from ragkit.testing.stores import EAST, spec_of
from ragkit_connectors.lancedb import LanceStore, words
from ragkit_connectors.lancedb.server import LanceServer
from ragkit_connectors.lancedb.table import ChunkTable
from tests.connectors.lance_stores import Stores
from tests.scale import scaled
from tests.unit.store.test_congruence import agree

SEED = 11
SPEC = spec_of(acl=["keyword"])
QUERIES = (["w1"], ["w1", "w2", "w2", "w9"], ["слово3", "w4"], [f"w{i}" for i in range(1, 25)], ["nowhere"])
FILTERS: tuple[Filter | None, ...] = (None, Gte("year", 5))


@pytest.fixture
def stores() -> Iterator[Stores]:
    made_here = Stores()
    yield made_here
    made_here.close()


def document(rng: np.random.Generator, name: str) -> Change:
    texts = [
        " ".join([f"w{min(w, 60)}" for w in rng.zipf(1.4, rng.integers(1, 30))] + [f"слово{rng.integers(9)}"])
        for _ in range(int(rng.integers(1, 6)))
    ]
    passages = [(text, unit([1, i])) for i, text in enumerate(texts)]
    return put(name, passages, metadata={"year": int(rng.integers(10))}, acl=[rng.choice(["staff", "legal"])])


def agrees(store: LanceStore, oracle: OracleStore, commit: int | None = None) -> None:
    for terms in QUERIES:
        for wanted in FILTERS:
            for k in (1, 7, 1000):
                scope = Scope(None, ("staff",), wanted)
                (ours,) = store.search_terms([terms], k, replace(scope, commit=commit))
                agree(ours, oracle.search_terms([terms], k, scope)[0])


@pytest.mark.parametrize("shape", [PLAIN, READERS], ids=["plain", "tenants and acl"])
def test_it_answers_as_the_oracle_with_files_all_the_time(
    stores: Stores, shape: made.Shape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "_LONGEST_TAIL", 1)
    done = congruence(stores.make, cases=scaled(1_000, part=100), seed=SEED, shape=shape)
    assert done.failure is None, done.failure


def test_history_changes_no_answer(stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks come, are replaced and go, files are written, joined and written anew; a second process asks."""
    monkeypatch.setattr(words, "_LONGEST_TAIL", 25)
    rng = np.random.default_rng(SEED)
    store, oracle = stores.make(SPEC, path=tmp_path / "index"), OracleStore(SPEC)
    reader, n_files = stores.make(SPEC, path=tmp_path / "index"), set[int]()
    for step in range(15):
        changes = [document(rng, f"d{i}") for i in rng.choice(30, 5, replace=False)]
        changes.append(remove(f"d{30 + step}") if step % 3 else document(rng, f"d{31 + step}"))
        with reader.hold() as commit:
            store.commit(changes)
            agrees(reader, oracle, commit)
        oracle.commit(changes)
        if step % 5 == 4:
            store.prepare()
        if step % 7 == 6:
            store.compact()
        agrees(store, oracle)
        agrees(reader, oracle)
        n_files.add(len(store._server.records.words().files))
    assert store._server.records.words().generation > 0
    assert n_files >= {0, 1, 2}
    assert store.verify() == []


def test_what_went_before_its_end_was_read_is_not_found(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader asks before a commit, and after a compaction that died before it wrote the table anew."""
    store, reader = (stores.make(SPEC, path=tmp_path / "index") for _ in range(2))
    oracle, rng = OracleStore(SPEC), np.random.default_rng(SEED)
    first = [document(rng, f"d{i}") for i in range(10)]
    second = [document(rng, "d1"), remove("d2"), document(rng, "d11")]
    store.commit(first)
    oracle.commit(first)
    agrees(reader, oracle)
    store.commit(second)
    oracle.commit(second)

    def die(_: LanceServer) -> None:
        raise TransientStoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(LanceServer, "write_anew", die)
        with pytest.raises(TransientStoreError):
            store.compact()
    agrees(reader, oracle)
    store.compact()
    agrees(reader, oracle)


def filled(stores: Stores, folder: Path) -> tuple[LanceStore, OracleStore]:
    """A store with a file of words and chunks behind it."""
    rng = np.random.default_rng(SEED)
    store, oracle = stores.make(SPEC, path=folder), OracleStore(SPEC)
    for first in (0, 20):
        changes = [document(rng, f"d{i}") for i in range(first, first + 20)]
        store.commit(changes)
        oracle.commit(changes)
        if not first:
            store.prepare()
    return store, oracle


def test_a_second_question_reads_nothing_of_the_table(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with a filter no more than what it has not judged yet."""
    store, _ = filled(stores, tmp_path / "index")
    n_read, really = 0, ChunkTable.read

    def counted(table: ChunkTable, ask: Any) -> Any:
        nonlocal n_read
        n_read += 1
        return really(table, ask)

    with store.hold() as commit:
        scope = Scope(None, ("staff",), Gte("year", 5), commit)
        first = store.search_terms(QUERIES, 10, scope)
        monkeypatch.setattr(ChunkTable, "read", counted)
        again = store.search_terms(QUERIES, 10, scope)
        assert n_read == 0
        store.fetch([first[0].id_list()[0]], scope)
        assert n_read == 1  # so that what is counted is what reads
    assert [batch.id_list() for batch in again] == [batch.id_list() for batch in first]


def test_many_hidden_hits_are_judged_in_few_questions(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LanceDB cannot decide on a part of a text: all that holds a word is a hit until it is judged."""
    spec = spec_of(title="text")
    store, oracle = stores.make(spec, path=tmp_path / "index"), OracleStore(spec)
    changes = [
        put(f"d{i}", [(f"common w{i % 7}", unit([1, i]))], metadata={"title": f"name {i}"})
        for i in range(200)
    ]
    for one in (store, oracle):
        one.commit(changes)
    n_read, really = 0, ChunkTable.read

    def counted(table: ChunkTable, ask: Any) -> Any:
        nonlocal n_read
        n_read += 1
        return really(table, ask)

    monkeypatch.setattr(ChunkTable, "read", counted)
    for title in ("nowhere", "name 199", "7"):
        scope = Scope(filter=Contains("title", title))
        (ours,) = store.search_terms([["common", "w3"]], 3, scope)
        agree(ours, oracle.search_terms([["common", "w3"]], 3, scope)[0])
    assert 6 <= n_read <= 30


@pytest.mark.parametrize("damage", ["lost", "cut", "overwritten", "folder lost"])
def test_a_damaged_file_changes_no_answer_and_is_made_anew(
    stores: Stores, tmp_path: Path, damage: str
) -> None:
    store, oracle = filled(stores, tmp_path / "index")
    store.close()
    (file,) = (tmp_path / "index" / "words").iterdir()
    data = file.read_bytes()
    if damage in ("cut", "overwritten"):
        file.write_bytes(data[: len(data) // 2] if damage == "cut" else b"\xa5" * len(data))
    else:
        file.unlink()
    if damage == "folder lost":
        file.parent.rmdir()
    store = stores.make(SPEC, path=tmp_path / "index")
    agrees(store, oracle)
    (line,) = store.verify()
    assert "is lost or damaged" in line
    assert "Run: ragkit repair" in line
    assert store.repair() == [f"{store.where}: 1 files of words made anew"]
    assert store.verify() == []
    agrees(store, oracle)


def test_upkeep_mends_a_damaged_file_too(stores: Stores, tmp_path: Path) -> None:
    store, oracle = filled(stores, tmp_path / "index")
    store.close()
    (file,) = (tmp_path / "index" / "words").iterdir()
    file.write_bytes(b"")
    store = stores.make(SPEC, path=tmp_path / "index")
    store.prepare()
    assert store.verify() == []
    assert not file.exists()
    agrees(store, oracle)
    store.erase([remove("d3")])
    oracle.commit([remove("d3")])
    assert store.verify() == []
    agrees(store, oracle)


def test_a_file_that_says_other_words_is_found_out(stores: Stores, tmp_path: Path) -> None:
    store, _ = filled(stores, tmp_path / "index")
    records, files = store._server.records, store._server.words.files
    (named,) = records.words().files
    held = files.read(named)
    assert held is not None
    records.name_words([files.write(replace(held, counts=held.counts + 1))])
    (line,) = store.verify()
    assert "says other words than the table. Run: ragkit repair" in line
    store.repair()
    assert store.verify() == []


def test_repaired_chunks_keep_their_words(stores: Stores, tmp_path: Path) -> None:
    import lancedb

    store, oracle = filled(stores, tmp_path / "index")
    store.close()
    wrong = [0.5, *([0.0] * (SPEC.dimension - 1))]
    table = lancedb.connect(str(tmp_path / "index")).open_table("chunks-000000")
    table.update(where="row % 3 = 0", values={"vector": wrong})
    store = stores.make(SPEC, path=tmp_path / "index")
    assert store.repair(lambda given: EAST[None].repeat(len(given), axis=0))
    assert store.verify() == []
    agrees(store, oracle)
