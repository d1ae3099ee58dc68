"""Milvus answers as the oracle does, whatever data, filter, reader and history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.filters import Filter, matches
from ragkit.protocols import Scope
from ragkit.store.bm25.formula import Bm25
from ragkit.store.bm25.search import DefaultBm25
from ragkit.store.remote import sparse
from ragkit.testing import strategies as made
from ragkit.testing.congruence import PLAIN, READERS, congruence, spec_for
from ragkit.testing.data import put, unit
from ragkit.testing.filters import FilterChecks
from ragkit.testing.oracle import OracleStore
from ragkit.testing.stores import EAST, spec_of
from ragkit_connectors.milvus import server
from tests.connectors.milvus.stores import ON_SERVER, Stores
from tests.scale import scaled
from tests.unit.store.test_congruence import agree

pytest.importorskip("milvus_lite", reason="needs the extra milvus-lite")
SEED = 7
UP = unit([1, 0, 0, 0])
PLACES = [
    pytest.param({}, id="lite"),
    pytest.param({"index": "hnsw", "exact_below": 3}, id="lite by graph"),
    ON_SERVER,
]


@pytest.fixture(scope="module")
def stores() -> Iterator[Stores]:
    made_here = Stores()
    yield made_here
    made_here.close()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("shape", [PLAIN, READERS], ids=["plain", "tenants and acl"])
def test_it_answers_as_the_oracle(stores: Stores, shape: made.Shape, place: dict[str, Any]) -> None:
    done = congruence(
        lambda spec: stores.make(spec, **place), cases=scaled(300, part=60), seed=scaled(SEED), shape=shape
    )
    assert done.failure is None, done.failure
    assert done.overlap in (None, 1.0)


class TestFilters(FilterChecks):
    """Every rule of the filter language."""

    @pytest.fixture(autouse=True)
    def _store(self, stores: Stores) -> None:
        self.store = stores.make(spec_for(PLAIN))

    def holds(self, wanted: Filter, metadata: Mapping[str, Any]) -> bool:
        self.store.commit([put("d", [("one", UP)], metadata=metadata)])
        return len(self.store.search(UP[None], 1, Scope(filter=wanted))[0]) == 1


@pytest.mark.parametrize("place", [PLACES[0], ON_SERVER])
def test_filters_hold_as_the_reference_says(stores: Stores, place: dict[str, Any]) -> None:
    """Many documents at once, so that each filter is judged on many metadata."""

    @settings(max_examples=scaled(100), deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(made.metadata(), min_size=5, max_size=20), st.lists(made.filters(), min_size=1, max_size=12)
    )
    def run(documents: list[dict[str, Any]], filters: list[Filter]) -> None:
        store = stores.make(spec_for(PLAIN), **place)
        store.commit([put(f"d{i}", [(f"t{i}", UP)], metadata=m) for i, m in enumerate(documents)])
        for wanted in filters:
            hits = store.search(UP[None], 100, Scope(filter=wanted))[0].id_list()
            found = {c.document_id for c in store.fetch(hits, Scope()) if c is not None}
            assert found == {f"d{i}" for i, m in enumerate(documents) if matches(wanted, m)}

    run()


@pytest.mark.parametrize("most_hits", [3, 16_384], ids=["beyond topk", "below topk"])
@pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (2.0, 1.0), (1.2, 0.0), (0.0, 0.4)])
def test_what_milvus_proposes_is_enough(
    stores: Stores, k1: float, b: float, most_hits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many more chunks than are asked for at first, and parameters other than those of the stored weights."""
    monkeypatch.setattr(sparse, "_FEWEST", 4)
    monkeypatch.setattr(server, "MOST_HITS", most_hits)
    rng = np.random.default_rng(5)
    spec = spec_for(PLAIN)
    store = stores.make(spec)
    store.close()
    store.open(spec, bm25=DefaultBm25(k1=k1, b=b))
    oracle = OracleStore(spec, Bm25(k1, b=b))
    texts = [
        " ".join(f"w{min(int(rng.zipf(1.5)), 30)}" for _ in range(int(rng.integers(1, 400))))
        for _ in range(120)
    ]
    change = put("d", [(text, UP) for text in texts])
    store.commit([change])
    oracle.commit([change])
    for terms in (["w1"], ["w1", "w2", "w7"], ["w30", "w3", "w3"]):
        for k in (1, 5, 30):
            (ours,), (theirs,) = (s.search_terms([terms], k, Scope()) for s in (store, oracle))
            agree(ours, theirs)


def test_many_pages_are_read_once_each(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_PAGE", 7)
    monkeypatch.setattr(server, "_PAGE_OF_LARGE", 5)
    monkeypatch.setattr(server, "MOST_HITS", 10)
    spec = spec_of()
    store, oracle = stores.make(spec), OracleStore(spec)
    changes = [put(f"d{i}", [(f"cat t{i}", unit([1, i % 9]))]) for i in range(60)]
    for some in (changes[:40], changes[20:]):
        assert store.commit(some) == oracle.commit(some)
    for k in (5, 30, 100):
        agree(store.search(EAST[None], k, Scope())[0], oracle.search(EAST[None], k, Scope())[0])
        agree(store.search_terms([["cat"]], k, Scope())[0], oracle.search_terms([["cat"]], k, Scope())[0])
    assert list(store.states()) == oracle.states()
    assert store.compact().n_collected == 40
    assert store.counts() == oracle.counts()
    assert store.verify() == []
