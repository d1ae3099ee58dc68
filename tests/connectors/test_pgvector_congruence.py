"""A PostgreSQL database answers as the oracle does, whatever data, filter, reader and history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.fields import parse_fields
from ragkit.filters import Filter, matches
from ragkit.protocols import Change, Scope
from ragkit.store_spec import StoreSpec
from ragkit.testing import strategies as made
from ragkit.testing.data import put, unit
from ragkit.testing.filters import FilterChecks
from ragkit.testing.oracle import OracleStore
from ragkit_connectors.pgvector import PgvectorStore
from tests.connectors.pgvector_server import Stores, server
from tests.scale import scaled
from tests.unit.store.test_congruence import agree, readers

PLAIN, TENANTS = made.Shape(False, False), made.Shape(True, True)


def spec_for(shape: made.Shape) -> StoreSpec:
    declared: dict[str, Any] = {}
    if shape.tenants:
        declared["tenant"] = "keyword!"
    if shape.acl:
        declared["acl"] = ["keyword"]
    return StoreSpec(
        "m", embedder_fingerprint="v1", dimension=4, fields={**made.FIELDS, **parse_fields(declared)}
    )


@pytest.fixture
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    made_here = Stores(user=getattr(request, "param", "postgres"))
    yield made_here
    made_here.close()


def emptied(store: PgvectorStore) -> None:
    """As it was when it was made, which takes a hundredth of the time to make another."""
    with server().connect("rag") as connection:
        connection.execute(f"SET search_path = {store.config.name}")
        connection.execute("TRUNCATE sources, documents, chunks, postings")
        connection.execute("UPDATE head SET number = 0, kept_from = 0, generation = 0, to_erase = false")
    store._sparse.forget()
    store._dense._are_few.clear()


def compare(
    store: PgvectorStore, oracle: OracleStore, shape: made.Shape, data: st.DataObject, first: int
) -> None:
    scope = data.draw(readers(shape, first, oracle.head()), label="scope")
    k = data.draw(st.sampled_from([1, 2, 3, 5, 100]), label="k")
    vectors = np.stack(data.draw(st.lists(made.VECTORS, min_size=1, max_size=3), label="vectors"))
    terms = data.draw(st.lists(made.TERMS, max_size=3), label="terms")
    for ours, theirs in zip(store.search(vectors, k, scope), oracle.search(vectors, k, scope), strict=True):
        agree(ours, theirs)
    found = oracle.search_terms(terms, k, scope)
    for ours, theirs in zip(store.search_terms(terms, k, scope), found, strict=True):
        agree(ours, theirs)
    ids = [row.record.chunk.id for row in oracle._rows]
    assert store.fetch(ids, scope) == oracle.fetch(ids, scope)
    np.testing.assert_array_equal(store.vectors(ids, scope), oracle.vectors(ids, scope))


@pytest.mark.parametrize(
    ("shape", "stores", "tenancy"),
    [(PLAIN, "postgres", "filter"), (TENANTS, "postgres", "filter"), (TENANTS, "bound", "rls")],
    ids=["plain", "tenants", "row-level security"],
    indirect=["stores"],
)
def test_it_answers_as_the_oracle(shape: made.Shape, stores: Stores, tenancy: str) -> None:
    store = stores.make(spec_for(shape), tenancy=tenancy)

    @settings(max_examples=scaled(1_700), deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        emptied(store)
        oracle, first = OracleStore(store.spec), 0
        for _ in range(data.draw(st.integers(1, 3), label="commits")):
            changes: list[Change] = data.draw(made.commits(shape), label="changes")
            assert store.commit(changes) == oracle.commit(changes)
            if data.draw(st.integers(0, 5), label="compact") == 0 and store.compact().n_collected:
                first = store.head()
            for _ in range(2):
                compare(store, oracle, shape, data, first)
        assert store.counts() == oracle.counts()
        assert list(store.states()) == oracle.states()
        for state in oracle.states():
            key = (state.tenant, state.document_id)
            assert store.source(*key) == oracle.source(*key)

    run()
    assert store.verify() == []


class TestFilters(FilterChecks):
    """Every rule of the filter language, evaluated by the database."""

    @pytest.fixture(autouse=True)
    def _store(self, stores: Stores) -> None:
        self.store = stores.make(spec_for(PLAIN))

    def holds(self, wanted: Filter, metadata: Mapping[str, Any]) -> bool:
        self.store.commit([put("d", [("one", unit([1, 0, 0, 0]))], metadata=metadata)])
        return len(self.store.search(unit([1, 0, 0, 0])[None], 1, Scope(filter=wanted))[0]) == 1


def test_filters_hold_as_the_reference_says(stores: Stores) -> None:
    """Many documents at once, so that each filter is judged on many metadata."""
    store = stores.make(spec_for(PLAIN))
    up = unit([1, 0, 0, 0])

    @settings(max_examples=scaled(600), deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(made.metadata(), min_size=5, max_size=20), st.lists(made.filters(), min_size=1, max_size=12)
    )
    def run(documents: list[dict[str, Any]], filters: list[Filter]) -> None:
        emptied(store)
        store.commit([put(f"d{i}", [(f"t{i}", up)], metadata=m) for i, m in enumerate(documents)])
        for wanted in filters:
            hits = store.search(up[None], 100, Scope(filter=wanted))[0].id_list()
            found = {c.document_id for c in store.fetch(hits, Scope()) if c is not None}
            assert found == {f"d{i}" for i, m in enumerate(documents) if matches(wanted, m)}

    run()
