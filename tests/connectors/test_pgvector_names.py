"""Unusual names and words, and documents in the order of their names."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from ragkit.testing.data import put, remove
from ragkit.testing.stores import EAST, OPEN, spec_of
from tests.connectors.pgvector_server import Stores


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


def test_long_names_and_long_words_are_names_and_words(stores: Stores) -> None:
    rng = random.Random(20)
    name = "".join(chr(rng.randrange(0x10000, 0x10FFFD)) for _ in range(4096))
    word = "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(5000))
    store = stores.make(spec_of())
    store.commit([put(name, [(f"one {word}", EAST)]), put(name[:-1], [("two", EAST)])])
    assert [s.document_id for s in store.states()] == sorted([name, name[:-1]])
    assert len(store.search_terms([[word]], 5, OPEN)[0]) == 1
    assert store.search_terms([[word[:-1]]], 5, OPEN)[0].id_list() == []
    assert store.source("", name) is not None
    store.commit([remove(name)])
    assert store.counts().documents == 1


def test_states_come_in_order_page_by_page(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragkit_connectors.pgvector.manifest._PAGE", 3)
    store = stores.make(spec_of(tenant="keyword!"))
    names = ["a", "a\0", "a" * 600, "a" * 601, "b", "é", "я", "😀"]
    store.commit([put(name, [], tenant=t) for t in ("t", "u") for name in names])
    assert [(s.tenant, s.document_id) for s in store.states()] == sorted((t, n) for t in "tu" for n in names)
    assert [s.document_id for s in store.states("u")] == sorted(names)
