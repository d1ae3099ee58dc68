"""A PostgreSQL database answers as the oracle does, whatever data, filter, reader and history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragkit.filters import Filter, matches
from ragkit.protocols import Scope
from ragkit.testing import strategies as made
from ragkit.testing.congruence import PLAIN, READERS, congruence, spec_for
from ragkit.testing.data import put, unit
from ragkit.testing.filters import FilterChecks
from ragkit_connectors.pgvector import PgvectorStore
from tests.connectors.pgvector_server import Stores, server
from tests.scale import scaled


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


@pytest.mark.parametrize(
    ("shape", "stores", "tenancy"),
    [(PLAIN, "postgres", "filter"), (READERS, "postgres", "filter"), (READERS, "bound", "rls")],
    ids=["plain", "tenants", "row-level security"],
    indirect=["stores"],
)
def test_it_answers_as_the_oracle(shape: made.Shape, stores: Stores, tenancy: str) -> None:
    done = congruence(
        lambda spec: stores.make(spec, tenancy=tenancy), cases=scaled(1_700), seed=7, shape=shape
    )
    assert done.failure is None, done.failure
    assert stores.opened[0].verify() == []


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
