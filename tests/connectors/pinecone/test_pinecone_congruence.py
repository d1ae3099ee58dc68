"""Pinecone answers as the oracle does, whatever data, filter, reader and history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ragkit.filters import Filter
from ragkit.protocols import Scope
from ragkit.store.migrate import migrate
from ragkit.testing import congruence as random
from ragkit.testing import strategies as made
from ragkit.testing.certify import certify
from ragkit.testing.congruence import congruence, spec_for
from ragkit.testing.data import put, unit
from ragkit.testing.filters import FilterChecks
from ragkit.testing.oracle import OracleStore
from ragkit.testing.stores import EAST, spec_of
from tests.scale import scaled
from tests.unit.store.test_congruence import agree
from tests.unit.store.test_migrate import SPEC, at, check_same, collection, fill

pytest.importorskip("httpx", reason="needs the extra pinecone")
from ragkit_connectors.pinecone import PineconeStore, calls, server
from tests.connectors.pinecone.server.service import Pinecone
from tests.connectors.pinecone.stores import Stores, needs_server, server_settings

UP = unit([1, 0, 0, 0])
PLACES = [
    pytest.param({}, random.PLAIN, id="index, plain"),
    pytest.param({"exact_below": 1000}, random.READERS, id="compared, tenants and acl"),
    pytest.param({"tenancy": "namespaces"}, random.READERS, id="tenants apart, tenants and acl"),
]


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    monkeypatch.setattr(calls, "POLL_S", 0.001)
    made_here = Stores()
    yield made_here
    made_here.close()


@pytest.mark.parametrize(("settings", "shape"), PLACES)
def test_it_answers_as_the_oracle(stores: Stores, shape: made.Shape, settings: dict[str, Any]) -> None:
    done = congruence(
        lambda spec: stores.make_here(spec, **settings), cases=scaled(200), seed=scaled(7), shape=shape
    )
    assert done.failure is None, done.failure
    assert done.overlap in (None, 1.0)


@needs_server
@pytest.mark.parametrize("shape", [random.PLAIN, random.READERS], ids=["plain", "tenants and acl"])
def test_an_index_answers_as_the_oracle(stores: Stores, shape: made.Shape) -> None:
    done = congruence(lambda spec: stores.make(spec, **server_settings()), cases=20, seed=7, shape=shape)
    assert done.failure is None, done.failure


class TestFilters(FilterChecks):
    """Every rule of the filter language."""

    @pytest.fixture(autouse=True)
    def _store(self, stores: Stores) -> None:
        stores.service.is_lagging = False
        self.store = stores.make_here(spec_for(random.PLAIN))

    def holds(self, wanted: Filter, metadata: Mapping[str, Any]) -> bool:
        self.store.commit([put("d", [("one", UP)], metadata=metadata)])
        return len(self.store.search(UP[None], 1, Scope(filter=wanted))[0]) == 1


def test_many_pages_lose_nothing(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("PAGE", 7), ("_MOST_IDS", 5), ("_MOST_DELETED", 9), ("_MOST_RECORDS", 11)):
        monkeypatch.setattr(server, name, size)
    monkeypatch.setattr(server, "MOST_HITS", 20)
    stores.service.is_lagging = False
    spec = spec_of()
    store, oracle = stores.make_here(spec), OracleStore(spec)
    changes = [put(f"d{i}", [(f"cat t{i}", unit([1, i % 9]))]) for i in range(60)]
    for some in (changes[:40], changes[20:]):
        assert store.commit(some) == oracle.commit(some)
    for k in (5, 30, 100):
        agree(store.search(EAST[None], k, Scope())[0], oracle.search(EAST[None], k, Scope())[0])
        agree(store.search_terms([["cat"]], k, Scope())[0], oracle.search_terms([["cat"]], k, Scope())[0])
    assert list(store.states()) == oracle.states()
    assert store.compact().n_collected == 40
    assert store.counts() == oracle.counts()
    left = stores.service.spaces[store.config.parts].newest()
    kept = (
        stores.service.spaces[store.config.chunks].newest()
        | stores.service.spaces[store.config.records].newest()
    )
    assert {name.split(".")[0] for name in left if not name.startswith("h")} == set(kept) - {"canary"}


def test_the_local_server_passes_and_is_not_certified(monkeypatch: pytest.MonkeyPatch) -> None:
    """In an index of more numbers than our vectors have."""
    monkeypatch.setattr(calls, "POLL_S", 0.001)
    stores = Stores(Pinecone(8, metric="cosine"))
    stores.service.is_lagging = False
    done = certify(PineconeStore(host=stores.server.url), "store/pinecone", cases=3)
    assert stores.service.spaces == {}
    assert (done.verdict, done.failures) == ("not certified", ())
    assert done.engine is not None
    assert (done.engine.name, done.engine.version) == ("Pinecone", "API 2025-10")
    assert "it ran against a server whose host is none of Pinecone's, not against Pinecone itself" in (
        done.reservations
    )
    stores.close()


@needs_server
@pytest.mark.parametrize("tenancy", ["filter", "namespaces"])
def test_an_index_is_certified(tenancy: str) -> None:
    done = certify(PineconeStore(**server_settings(), tenancy=tenancy), "store/pinecone", cases=20)
    assert (done.verdict, done.failures, done.reservations) == ("certified", (), ())


def test_from_a_folder_and_back_again(stores: Stores, tmp_path: Path) -> None:
    stores.service.is_lagging = False
    source = at(tmp_path / "source")
    fill(source.store, 60)
    there = collection(stores.make_here(SPEC))
    check_same(source, there, migrate(source, there))
    assert migrate(source, there).copied == 0
    back = at(tmp_path / "back")
    check_same(source, back, migrate(there, back))
    assert back.store.verify() == []  # type: ignore[attr-defined]
    back.close()
    source.close()
