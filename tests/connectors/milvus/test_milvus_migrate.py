"""From a folder into Milvus and back: the same documents, chunks and answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit.store.collection import StoreCollection
from ragkit.store.migrate import migrate
from tests.connectors.milvus.stores import Stores
from tests.unit.store.test_migrate import SPEC, at, check_same, collection, fill

pytest.importorskip("milvus_lite", reason="needs the extra milvus-lite")


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


@pytest.fixture
def source(tmp_path: Path) -> Iterator[StoreCollection]:
    made = at(tmp_path / "source")
    fill(made.store, 60)
    yield made
    made.close()


def test_there_and_back_again(stores: Stores, source: StoreCollection, tmp_path: Path) -> None:
    there = collection(stores.make(SPEC))
    check_same(source, there, migrate(source, there))
    assert migrate(source, there).copied == 0
    back = at(tmp_path / "back")
    check_same(source, back, migrate(there, back))
    assert back.store.verify() == []  # type: ignore[attr-defined]
    back.close()
