"""What a reranker read in chunks is kept by every store in the same way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ragkit.protocols import Change, Scope
from ragkit.store.abilities import ReadingStore
from ragkit.testing.data import put, remove
from ragkit.testing.stores import EAST, spec_of
from tests.connectors.every_store import KINDS, Place

READING = bytes(range(256)) * 60


@pytest.fixture(scope="module", params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(request.param, tmp_path_factory.mktemp(request.param))
    yield made
    made.close()


def read(name: str, *texts: str, tenant: str) -> Change:
    change = put(name, [(text, EAST) for text in texts], tenant=tenant)
    records = [replace(r, reading=r.chunk.text.encode() + READING) for r in change.records]
    return replace(change, records=tuple(records))


def test_readings_are_the_chunks_own_and_the_tenants(place: Place) -> None:
    store: Any = place.open(spec_of(tenant="keyword!"))
    keeps = isinstance(store, ReadingStore)
    assert keeps
    first, none = read("a", "one", "two", tenant="acme"), put("b", [("three", EAST)], tenant="acme")
    other = read("a", "one", "two", tenant="globex")
    store.commit([first, none, other])
    store.commit([read("c", "four", tenant="acme")])
    ids = [record.chunk.id for record in (*none.records, *first.records[::-1])]
    own = Scope(tenant="acme")
    assert store.readings(ids, own) == [None, b"two" + READING, b"one" + READING]
    assert store.readings(ids, Scope(tenant="globex")) == [None, None, None]
    assert store.readings(["0" * 32, "no id"], own) == [None, None]
    assert store.readings([], own) == []
    assert store.verify() == []

    store.commit([remove("a", tenant="acme")])
    assert store.readings(ids, own) == [None, None, None]
    assert store.readings([other.records[0].chunk.id], Scope(tenant="globex")) == [b"one" + READING]
    store.compact()
    assert store.readings([other.records[1].chunk.id], Scope(tenant="globex")) == [b"two" + READING]
