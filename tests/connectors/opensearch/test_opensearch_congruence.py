"""OpenSearch answers as the oracle does, whatever data, filter, reader and history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ragkit.filters import Eq
from ragkit.protocols import Scope
from ragkit.store.remote import sparse
from ragkit.testing import congruence as random
from ragkit.testing import strategies as made
from ragkit.testing.congruence import congruence
from ragkit.testing.data import put, unit
from ragkit.testing.oracle import OracleStore
from ragkit.testing.stores import EAST, spec_of
from ragkit_connectors.opensearch import search
from tests.connectors.congruent import BM25_PARAMETERS, LanguageChecks, pages_are_whole, proposals_suffice
from tests.connectors.opensearch.server.cluster import Cluster
from tests.connectors.opensearch.stores import Stores, needs_server, server_settings
from tests.scale import scaled
from tests.unit.store.test_congruence import agree

pytest.importorskip("opensearchpy", reason="needs the extra opensearch")
UP = unit([1, 0, 0, 0])
PLACES = [
    pytest.param({"shards": 3}, id="compared"),
    pytest.param({"exact_below": 0}, id="lucene"),
    pytest.param({"exact_below": 0, "engine": "faiss"}, id="faiss"),
    pytest.param({"engine": "exact"}, id="exact"),
    pytest.param(server_settings(), marks=needs_server, id="server"),
]


@pytest.fixture
def stores() -> Iterator[Stores]:
    made_here = Stores()
    yield made_here
    made_here.close()


@pytest.mark.parametrize("settings", PLACES)
@pytest.mark.parametrize("shape", [random.PLAIN, random.READERS], ids=["plain", "tenants and acl"])
def test_it_answers_as_the_oracle(stores: Stores, shape: made.Shape, settings: dict[str, Any]) -> None:
    done = congruence(
        lambda spec: stores.make(spec, **settings), cases=scaled(700), seed=scaled(7), shape=shape
    )
    assert done.failure is None, done.failure
    assert done.overlap in (None, 1.0)


class TestFilters(LanguageChecks):
    """Every rule of the filter language."""


@BM25_PARAMETERS
def test_what_the_server_proposes_is_enough(
    stores: Stores, k1: float, b: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposals_suffice(stores.make, k1, b, monkeypatch)


def test_a_graph_that_forgets_under_a_filter_is_made_good() -> None:
    """Where it finds fewer than asked for, all are compared."""
    cluster = Cluster()
    cluster.forgets = True
    stores = Stores(cluster)
    store = stores.make(spec_of(), exact_below=0)
    store.commit([put(f"d{i}", [(f"t{i}", unit([1, i]))], metadata={"year": i % 2}) for i in range(40)])
    assert len(store.search(EAST[None], 20, Scope(filter=Eq("year", 1)))[0]) == 20
    stores.close()


def test_many_pages_are_one_point_in_time(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PAGE", 7)
    monkeypatch.setattr(search, "MOST_HITS", 10)
    pages_are_whole(lambda spec: stores.make(spec, engine="exact"))
    assert not stores.server.cluster.pits


def test_a_question_of_more_words_than_a_request_may_have(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sparse, "_MOST_WORDS", 7)
    spec = spec_of()
    store, oracle = stores.make(spec), OracleStore(spec)
    change = put("d", [(f"w{i} w{i + 1} w{i + 2}", EAST) for i in range(20)])
    assert store.commit([change]) == oracle.commit([change])
    terms = [f"w{i}" for i in range(20)]
    agree(store.search_terms([terms], 5, Scope())[0], oracle.search_terms([terms], 5, Scope())[0])
