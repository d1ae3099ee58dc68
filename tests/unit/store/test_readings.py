"""What a reranker read, kept beside the embedded store: of the tenant, and gone once it is forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ragkit.protocols import Change, Scope
from ragkit.store.abilities import ReadingStore
from ragkit.store.local.readings import READINGS, KeptReadings
from ragkit.store.local.store import LocalStore
from ragkit.testing.data import put, remove
from ragkit.testing.stores import EAST, NORTH, spec_of
from ragkit.types import Chunk

CANARY = b"zanzibar"


class Words:
    fingerprint = "test"

    def terms(self, text: str) -> list[str]:
        return text.split()


def opened(folder: Path) -> LocalStore:
    return LocalStore(path=folder).open(spec_of(), analyzer=Words())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    made = opened(tmp_path / "index")
    yield made
    made.close()


def reading_of(chunk: Chunk) -> bytes:
    return CANARY + chunk.text.encode() + bytes(5_000)


def read(name: str, *texts: str, tenant: str = "") -> Change:
    change = put(name, [(text, EAST) for text in texts], tenant=tenant)
    return replace(change, records=tuple(replace(r, reading=reading_of(r.chunk)) for r in change.records))


def chunks_of(*changes: Change) -> list[Chunk]:
    return [record.chunk for change in changes for record in change.records]


def kept(store: LocalStore, chunks: list[Chunk], scope: Scope | None = None) -> list[bytes | None]:
    return store.readings([chunk.id for chunk in chunks], scope or Scope())


def holds(folder: Path, what: bytes) -> bool:
    return any(what in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_what_was_committed_is_given_in_the_order_that_it_is_asked_for(store: LocalStore) -> None:
    change = read("a", "one bird", "two birds", "three")
    store.commit([change, put("b", [("no reading", NORTH)])])
    chunks = chunks_of(change, put("b", [("no reading", NORTH)]))[::-1]
    assert isinstance(store, ReadingStore)
    assert kept(store, chunks) == [None, *(reading_of(chunk) for chunk in chunks[1:])]
    assert kept(opened(store.path), chunks[1:]) == [reading_of(chunk) for chunk in chunks[1:]]
    assert store.readings(["0" * 32], Scope()) == [None]
    assert store.verify() == []


def test_a_hidden_chunk_has_none(tmp_path: Path) -> None:
    store = LocalStore(path=tmp_path / "t").open(spec_of(tenant="keyword!"), analyzer=Words())
    change = read("a", "one bird", tenant="acme")
    store.commit([change])
    chunks = chunks_of(change)
    assert kept(store, chunks, Scope(tenant="acme")) == [reading_of(chunks[0])]
    assert kept(store, chunks, Scope(tenant="globex")) == [None]
    store.close()


def test_what_was_replaced_or_removed_leaves_the_files(store: LocalStore) -> None:
    first, second = read("a", "elephant walks"), read("a", "giraffe walks")
    other = read("b", "tortoise walks")
    store.commit([first, other])
    store.commit([second])
    assert kept(store, chunks_of(first)) == [None]  # the current commit does not show it
    store.erase([remove("b")])
    assert not holds(store.path, CANARY + b"elephant")
    assert not holds(store.path, CANARY + b"tortoise")
    assert kept(store, chunks_of(second)) == [reading_of(chunk) for chunk in chunks_of(second)]


def test_what_a_reader_holds_stays_until_it_is_done(store: LocalStore) -> None:
    first = read("a", "elephant walks")
    store.commit([first])
    with store.hold() as commit:
        assert not store.erase([remove("a")], wait_s=0.0).erased
        assert kept(store, chunks_of(first), Scope(commit=commit)) == [reading_of(chunks_of(first)[0])]
    assert store.compact(wait_s=1.0).erased
    assert not holds(store.path, CANARY)


def test_readings_of_a_commit_that_never_happened_go_with_the_next(tmp_path: Path) -> None:
    readings = KeptReadings(tmp_path / READINGS)
    readings.put({"0a": CANARY}, head=3)  # killed before the commit 4
    readings.put({"0b": b"next"}, head=3)
    assert readings.get(["0a", "0b"]) == [None, b"next"]
    readings.put({}, head=4)
    assert readings.get(["0b"]) == [b"next"]
    readings.close()


def test_what_is_erased_gives_its_room_back(tmp_path: Path) -> None:
    readings = KeptReadings(tmp_path / READINGS)
    readings.put({f"{i:04x}": CANARY + bytes([i]) * 9_000 for i in range(100)}, head=0)
    assert readings.keep([bytes.fromhex(f"{i:04x}") for i in range(0, 100, 10)], wait_s=1.0)
    assert (tmp_path / READINGS).stat().st_size < 200_000
    kept = readings.get([f"{i:04x}" for i in range(100)])
    assert [i for i, reading in enumerate(kept) if reading == CANARY + bytes([i]) * 9_000] == [
        *range(0, 100, 10)
    ]
    assert kept.count(None) == 90
    readings.close()


def test_a_reader_of_a_file_that_was_replaced_does_not_keep_bytes_from_being_erased(tmp_path: Path) -> None:
    path = tmp_path / READINGS
    own, other = KeptReadings(path), KeptReadings(path)
    own.put({"0a": b"before"}, head=0)
    with own._connections.reading() as held:
        held.execute("SELECT id FROM readings").fetchall()
        other.drop()
        other.put({"0b": CANARY}, head=0)
        assert own.get(["0a", "0b"]) == [None, CANARY]
    assert own.keep([], wait_s=1.0)
    own.close()
    other.close()
    assert not holds(tmp_path, CANARY)


@pytest.mark.parametrize("damage", ["empty", "cut", "garbage", "no database", "gone", "no table"])
def test_a_damaged_file_costs_readings_and_nothing_else(tmp_path: Path, damage: str) -> None:
    store = opened(tmp_path)
    first = read("a", *(f"bird {i}" for i in range(8)))
    store.commit([first])
    store.close()
    path = tmp_path / READINGS
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "no table":
        with sqlite3.connect(path) as db:
            db.execute("DROP TABLE readings")
        db.close()
    else:
        spoilt = {
            "empty": b"",
            "cut": data[: len(data) // 2],
            "garbage": data[:4096] + bytes(255 for _ in data[4096:]),
            "no database": b"x" * 9_000,
        }
        path.write_bytes(spoilt[damage])
    store = opened(tmp_path)
    for reading, chunk in zip(kept(store, chunks_of(first)), chunks_of(first), strict=True):
        assert reading in (None, reading_of(chunk))
    second = read("b", "one more")
    store.commit([second])  # which may find the file damaged, and takes it away
    third = read("c", "another")
    store.commit([third])
    assert kept(store, chunks_of(third)) == [reading_of(chunks_of(third)[0])]
    assert store.verify() == []
    store.close()


def test_readers_go_on_while_a_writer_writes_and_forgets(tmp_path: Path) -> None:
    writer, reader = opened(tmp_path), opened(tmp_path)
    changes = [read(f"d{i}", f"bird {i}") for i in range(12)]

    def look(_: int) -> None:
        for change in changes:
            (chunk,) = chunks_of(change)
            assert kept(reader, [chunk])[0] in (None, reading_of(chunk))

    with ThreadPoolExecutor(3) as pool:
        looks = pool.map(look, range(12))
        for i, change in enumerate(changes):
            writer.commit([change])
            if i % 4 == 3:
                writer.erase([remove(f"d{i - 1}")], wait_s=0.0)
        list(looks)
    assert sum(kept(reader, chunks_of(change))[0] is not None for change in changes) == 9
    writer.close()
    reader.close()


def test_a_reading_takes_the_place_of_another_one_of_its_chunk(tmp_path: Path) -> None:
    kept = KeptReadings(tmp_path / READINGS)
    kept.put({"0a": b"damaged", "0b": b"whole"}, head=0)
    kept.put({"0a": b"made anew", "0c": b"new"}, head=1)
    assert kept.get(["0a", "0b", "0c"]) == [b"made anew", b"whole", b"new"]
    # The second commit never happened: what is new of it goes, and no chunk of the first one loses its own.
    kept.put({"0d": b"later"}, head=1)
    assert kept.get(["0a", "0b", "0c", "0d"]) == [b"made anew", b"whole", None, b"later"]
    kept.close()


def test_what_is_mended_outlives_the_commits_that_follow(tmp_path: Path) -> None:
    kept = KeptReadings(tmp_path / READINGS)
    assert kept.ids() == frozenset()
    assert kept.mend({"0a": b"made"})
    assert kept.mend({"0a": b"made anew", "0b": b"too"})
    kept.put({"0c": b"new"}, head=0)
    assert kept.get(["0a", "0b", "0c"]) == [b"made anew", b"too", b"new"]
    assert kept.ids() == {bytes.fromhex(name) for name in ("0a", "0b", "0c")}
    kept.close()
