"""Weaviate answers as the oracle does, whatever data, filter, reader and history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragkit.filters import Eq
from ragkit.protocols import Scope
from ragkit.store.remote.tokens import LEVELS, impact_token
from ragkit.store_spec import StoreSpec
from ragkit.testing import congruence as random
from ragkit.testing import strategies as made
from ragkit.testing.certify import certify
from ragkit.testing.congruence import congruence
from ragkit.testing.data import put, unit
from ragkit.testing.stores import EAST, spec_of
from tests.connectors.congruent import (
    BM25_PARAMETERS,
    LanguageChecks,
    pages_are_whole,
    proposals_suffice,
    there_and_back,
)
from tests.scale import scaled

pytest.importorskip("graphql", reason="needs graphql-core, which parses for the local server")
from ragkit_connectors.weaviate import WeaviateStore, server
from tests.connectors.weaviate.stores import Stores, needs_server, server_settings

UP = unit([1, 0, 0, 0])
PLACES = [
    pytest.param({}, id="compared"),
    pytest.param({"exact_below": 0}, id="graph"),
    pytest.param({"index": "flat", "tenancy": "native"}, id="flat, tenants apart"),
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
        lambda spec: stores.make_here(spec, **settings), cases=scaled(400), seed=scaled(7), shape=shape
    )
    assert done.failure is None, done.failure
    assert done.overlap in (None, 1.0)


@needs_server
@pytest.mark.parametrize("shape", [random.PLAIN, random.READERS], ids=["plain", "tenants and acl"])
def test_a_server_answers_as_the_oracle(stores: Stores, shape: made.Shape) -> None:
    done = congruence(lambda spec: stores.make(spec, **server_settings()), cases=40, seed=7, shape=shape)
    assert done.failure is None, done.failure


class TestFilters(LanguageChecks):
    """Every rule of the filter language."""

    def make(self, stores: Stores, spec: StoreSpec) -> Any:
        return stores.make_here(spec)


@BM25_PARAMETERS
def test_what_is_proposed_is_enough(
    stores: Stores, k1: float, b: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposals_suffice(stores.make_here, k1, b, monkeypatch)


def test_common_words_are_not_read_for_the_best(stores: Stores) -> None:
    """Of two hundred chunks with a common word those alone are read that hold the rare one."""
    store = stores.make_here(spec_of())
    rare = [("rare common", EAST)] * 3
    store.commit([put("d", [(f"common {'filler ' * 30}{i}", EAST) for i in range(200)]), put("r", rare)])
    stores.server.log.clear()
    weights = {"rare": 5.0, "common": 0.1}
    (found,) = store._server.propose(True, [weights], 3)
    assert [hit.payload["terms"][0] for hit in found] == ["rare"] * 3
    asked = "".join(request.body.decode() for request in stores.server.log)
    assert impact_token("rare", 4) in asked
    assert not any(impact_token("common", level) in asked for level in range(1, LEVELS))


def test_a_graph_that_forgets_under_a_filter_is_made_good(stores: Stores) -> None:
    """Where it finds fewer than asked for, all are compared."""
    stores.service.forgets = True
    store = stores.make_here(spec_of(), exact_below=0)
    store.commit([put(f"d{i}", [(f"t{i}", unit([1, i]))], metadata={"year": i % 2}) for i in range(40)])
    assert len(store.search(EAST[None], 20, Scope(filter=Eq("year", 1)))[0]) == 20


def test_many_pages_lose_nothing(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("PAGE", 7), ("PAGE_WITH_VECTORS", 5), ("MOST_HITS", 10)):
        monkeypatch.setattr(server, name, size)
    pages_are_whole(lambda spec: stores.make_here(spec, index="flat"))


def test_the_local_server_passes_and_is_not_certified(stores: Stores) -> None:
    done = certify(WeaviateStore(url=stores.server.url), "store/weaviate", cases=4)
    assert stores.service.collections == {}
    assert (done.verdict, done.failures) == ("not certified", ())
    assert done.engine is not None
    assert (done.engine.name, done.engine.version) == ("Weaviate", "1.33.4")
    assert done.reservations == (
        "it ran against a local server that imitates its protocol, not against Weaviate itself",
    )


@needs_server
@pytest.mark.parametrize("tenancy", ["filter", "native"])
def test_a_server_is_certified(tenancy: str) -> None:
    done = certify(WeaviateStore(**server_settings(), tenancy=tenancy), "store/weaviate", cases=40)
    assert (done.verdict, done.failures, done.reservations) == ("certified", (), ())


def test_from_a_folder_and_back_again(stores: Stores, tmp_path: Path) -> None:
    there_and_back(stores.make_here, tmp_path)
