"""Where every store must agree with the oracle or the reference, whatever engine proposes and filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.filters import Filter, matches
from ragkit.protocols import Scope
from ragkit.store.bm25.formula import Bm25
from ragkit.store.bm25.search import DefaultBm25
from ragkit.store.migrate import migrate
from ragkit.store.remote import sparse
from ragkit.store_spec import StoreSpec
from ragkit.testing import strategies as made
from ragkit.testing.congruence import PLAIN, spec_for
from ragkit.testing.data import put, unit
from ragkit.testing.filters import FilterChecks
from ragkit.testing.oracle import OracleStore
from ragkit.testing.stores import EAST, spec_of
from tests.unit.store.test_congruence import agree
from tests.unit.store.test_migrate import SPEC, at, check_same, collection, fill

Make = Callable[[StoreSpec], Any]
UP = unit([1, 0, 0, 0])
BM25_PARAMETERS = pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (2.0, 1.0), (1.2, 0.0), (0.0, 0.4)])


class LanguageChecks(FilterChecks):
    """Every rule of the filter language, asked of a store of the fixture `stores`."""

    @pytest.fixture(autouse=True)
    def _store(self, stores: Any) -> None:
        self.store = self.make(stores, spec_for(PLAIN))

    def make(self, stores: Any, spec: StoreSpec) -> Any:
        """An empty store."""
        return stores.make(spec)

    def holds(self, wanted: Filter, metadata: Mapping[str, Any]) -> bool:
        self.store.commit([put("d", [("one", UP)], metadata=metadata)])
        return len(self.store.search(UP[None], 1, Scope(filter=wanted))[0]) == 1


def filters_hold(make: Make, n: int) -> None:
    """Many documents at once, so that each filter is judged on many metadata; `n` times."""

    @settings(max_examples=n, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(made.metadata(), min_size=5, max_size=20), st.lists(made.filters(), min_size=1, max_size=12)
    )
    def run(documents: list[dict[str, Any]], filters: list[Filter]) -> None:
        store = make(spec_for(PLAIN))
        store.commit([put(f"d{i}", [(f"t{i}", UP)], metadata=m) for i, m in enumerate(documents)])
        for wanted in filters:
            hits = store.search(UP[None], 100, Scope(filter=wanted))[0].id_list()
            found = {c.document_id for c in store.fetch(hits, Scope()) if c is not None}
            assert found == {f"d{i}" for i, m in enumerate(documents) if matches(wanted, m)}
        store.close()

    run()


def proposals_suffice(make: Make, k1: float, b: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """More chunks than are asked for at first, and parameters other than those of the stored weights."""
    monkeypatch.setattr(sparse, "_FEWEST", 4)
    rng = np.random.default_rng(5)
    spec = spec_for(PLAIN)
    store = make(spec)
    store.close()
    store.open(spec, bm25=DefaultBm25(k1=k1, b=b))
    oracle = OracleStore(spec, Bm25(k1, b=b))
    texts = [
        " ".join(f"w{min(int(rng.zipf(1.5)), 30)}" for _ in range(int(rng.integers(1, 400))))
        for _ in range(120)
    ]
    change = put("d", [(text, UP) for text in texts])
    assert store.commit([change]) == oracle.commit([change])
    for terms in (["w1"], ["w1", "w2", "w7"], ["w30", "w3", "w3"], [f"w{i}" for i in range(1, 31)]):
        for k in (1, 5, 30):
            (ours,), (theirs,) = (s.search_terms([terms], k, Scope()) for s in (store, oracle))
            agree(ours, theirs)


def pages_are_whole(make: Make) -> Any:
    """Of more chunks than a page holds nothing is lost or read twice; gives the store."""
    spec = spec_of()
    store, oracle = make(spec), OracleStore(spec)
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
    return store


def there_and_back(make: Make, folder: Path) -> None:
    """From a folder into a store and into another folder nothing is lost; a second time nothing is done."""
    source = at(folder / "source")
    fill(source.store, 60)
    there = collection(make(SPEC))
    check_same(source, there, migrate(source, there))
    assert migrate(source, there).copied == 0
    back = at(folder / "back")
    check_same(source, back, migrate(there, back))
    assert back.store.verify() == []  # type: ignore[attr-defined]
    back.close()
    source.close()
