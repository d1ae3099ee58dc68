"""From a folder into PostgreSQL and back: the same documents, chunks and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ragkit.store.collection import StoreCollection
from ragkit.store.migrate import migrate
from tests.connectors.pgvector_server import Stores
from tests.unit.store.test_migrate import SPEC, at, check_same, collection, fill

Open = Callable[..., StoreCollection]


@pytest.fixture(params=["postgres"])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    made = Stores(user=request.param)
    yield made
    made.close()


@pytest.fixture
def source(tmp_path: Path) -> Iterator[StoreCollection]:
    made = at(tmp_path / "source")
    fill(made.store, 60)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("stores", "tenancy"), [("postgres", "filter"), ("bound", "rls")], indirect=["stores"]
)
def test_there_and_back_again(stores: Stores, tenancy: str, source: StoreCollection, tmp_path: Path) -> None:
    there = collection(stores.make(SPEC, tenancy=tenancy))
    check_same(source, there, migrate(source, there))
    assert migrate(source, there).copied == 0
    back = at(tmp_path / "back")
    check_same(source, back, migrate(there, back))
    assert back.store.verify() == []  # type: ignore[attr-defined]
    back.close()
