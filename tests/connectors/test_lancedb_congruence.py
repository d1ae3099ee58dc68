"""LanceDB answers as the oracle does, whatever data, filter, reader and history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

pytest.importorskip("lancedb", reason="needs the extra lancedb")

import numpy as np
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
from tests.connectors.lance_stores import Stores
from tests.scale import scaled
from tests.unit.store.test_congruence import agree

SEED = 7
UP = unit([1, 0, 0, 0])


@pytest.fixture
def stores() -> Iterator[Stores]:
    made_here = Stores()
    yield made_here
    made_here.close()


@pytest.mark.parametrize("shape", [PLAIN, READERS], ids=["plain", "tenants and acl"])
def test_it_answers_as_the_oracle(stores: Stores, shape: made.Shape) -> None:
    done = congruence(stores.make, cases=scaled(2_600, part=130), seed=SEED, shape=shape)
    assert done.failure is None, done.failure
    assert done.overlap is None


class TestFilters(FilterChecks):
    """Every rule of the filter language."""

    @pytest.fixture(autouse=True)
    def _store(self, stores: Stores) -> None:
        self.store = stores.make(spec_for(PLAIN))

    def holds(self, wanted: Filter, metadata: Mapping[str, Any]) -> bool:
        self.store.commit([put("d", [("one", UP)], metadata=metadata)])
        return len(self.store.search(UP[None], 1, Scope(filter=wanted))[0]) == 1


def test_filters_hold_as_the_reference_says(stores: Stores) -> None:
    """Many documents at once, so that each filter is judged on many metadata."""

    @settings(max_examples=scaled(400), deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(made.metadata(), min_size=5, max_size=20), st.lists(made.filters(), min_size=1, max_size=12)
    )
    def run(documents: list[dict[str, Any]], filters: list[Filter]) -> None:
        store = stores.make(spec_for(PLAIN))
        store.commit([put(f"d{i}", [(f"t{i}", UP)], metadata=m) for i, m in enumerate(documents)])
        for wanted in filters:
            hits = store.search(UP[None], 100, Scope(filter=wanted))[0].id_list()
            found = {c.document_id for c in store.fetch(hits, Scope()) if c is not None}
            assert found == {f"d{i}" for i, m in enumerate(documents) if matches(wanted, m)}
        store.close()

    run()


@pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (2.0, 1.0), (1.2, 0.0), (0.0, 0.4)])
def test_what_is_proposed_is_enough(
    stores: Stores, k1: float, b: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many more chunks than are asked for at first, and parameters other than those of the proposal."""
    monkeypatch.setattr(sparse, "_FEWEST", 4)
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
    for terms in (["w1"], ["w1", "w2", "w7"], ["w30", "w3", "w3"], [f"w{i}" for i in range(1, 31)]):
        for k in (1, 5, 30):
            (ours,), (theirs,) = (s.search_terms([terms], k, Scope()) for s in (store, oracle))
            agree(ours, theirs)
