"""Snapshots of both collections bring an index back; halves of different times are found out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from qdrant_client import models

from ragkit.protocols import Change
from ragkit.testing.data import put, remove
from ragkit.testing.stores import EAST, NORTH, OPEN, spec_of, texts
from ragkit_connectors.qdrant import QdrantStore
from ragkit_connectors.qdrant.client import connect
from tests.connectors.qdrant_stores import Stores, needs_server, server_settings

SPEC = spec_of()
FIRST: list[Change] = [put("a", [("one", EAST)]), put("b", [("two", NORTH)])]
LATER: list[Change] = [put("a", [("three", EAST)]), remove("b"), put("c", [("four", NORTH)])]
HALVES = ("chunks", "chunks__ragkit")


def told(store: QdrantStore) -> list[str | None]:
    return texts(store, store.search(EAST[None], 9, OPEN)[0].id_list())


@pytest.fixture
def times(tmp_path: Path) -> list[Path]:
    """An index as it was after each of two commits: copies of a folder of local mode."""
    copies = []
    for i, changes in enumerate((FIRST, LATER)):
        store = QdrantStore(path=tmp_path / "q", collection="chunks").open(SPEC)
        store.commit(changes)
        store.close()
        copies.append(Path(shutil.copytree(tmp_path / "q", tmp_path / f"copy{i}")))
    return copies


def test_both_halves_of_one_time_are_the_index_of_that_time(times: list[Path]) -> None:
    for path, expected in zip(times, (["one", "two"], ["three", "four"]), strict=True):
        store = QdrantStore(path=path, collection="chunks").open(SPEC)
        assert store.verify() == []
        assert told(store) == expected
        # What comes next is written on what was restored.
        store.commit([put("d", [("five", EAST)])])
        assert set(told(store)) == {*expected, "five"}
        assert store.verify() == []
        store.close()


@pytest.mark.parametrize(("chunks", "records"), [(0, 1), (1, 0)])
def test_halves_of_different_times_are_found_out(times: list[Path], chunks: int, records: int) -> None:
    for name, which in zip(HALVES, (chunks, records), strict=True):
        if which:
            shutil.rmtree(times[0] / "collection" / name)
            shutil.copytree(times[1] / "collection" / name, times[0] / "collection" / name)
    store = QdrantStore(path=times[0], collection="chunks").open(SPEC)
    problems = store.verify()
    assert problems
    assert all("Restore both collections from a snapshot" in problem for problem in problems), problems
    if chunks:
        assert any("of commits after the current one" in problem for problem in problems)
    store.close()


@needs_server
def test_a_servers_snapshots_bring_the_index_back() -> None:
    stores = Stores()
    store = stores.make(SPEC, **server_settings())
    store.commit(FIRST)
    client = connect(store.config)
    taken = {}
    with store.writing():  # nobody else writes meanwhile
        for name in (store.config.collection, store.config.meta):
            made = client.create_snapshot(collection_name=name, wait=True)
            assert made is not None
            taken[name] = made.name
    store.commit(LATER)
    for name, snapshot in taken.items():
        place = f"file:///qdrant/snapshots/{name}/{snapshot}"
        client.recover_snapshot(
            collection_name=name, location=place, priority=models.SnapshotPriority.SNAPSHOT, wait=True
        )
    assert store.verify() == []
    assert told(store) == ["one", "two"]
    client.close()
    stores.close()
