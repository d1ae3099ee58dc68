"""Requests are dropped, answered too late, or done by half: nothing is lost, nothing is there twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from ragkit.errors import CorruptIndexError, StoreError, TransientStoreError
from ragkit.protocols import Scope
from ragkit.store_spec import StoreSpec
from ragkit_connectors.opensearch import bulk, calls
from tests.connectors.faulty import FaultChecks
from tests.connectors.loopback import Fault, Request
from tests.connectors.opensearch.server import http
from tests.connectors.opensearch.server.errors import ApiError
from tests.connectors.opensearch.stores import Stores
from tests.connectors.workload import SPEC, document, seen, texts_of
from tests.crash.workloads import vector_of
from tests.scale import scaled

pytest.importorskip("opensearchpy", reason="needs the extra opensearch")


def busy() -> ApiError:
    return ApiError(429, "rejected_execution_exception", "rejected execution on primary [coordinating]")


class TestFaults(FaultChecks):
    """All kinds of them, at all places, and items of bulk requests too."""

    kind = Stores
    loud: ClassVar[tuple[Fault, ...]] = (http.unavailable, http.rejected, http.done_and_unavailable)
    every_fault = True
    n_histories = n_ingested = scaled(60)
    writers = "abcdefgh"

    def hasten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(calls, "_FIRST_WAIT_S", 0.001)
        monkeypatch.setattr(bulk, "_FIRST_WAIT_S", 0.001)

    def store_here(self, spec: StoreSpec = SPEC, **settings: Any) -> Any:
        """Over the network: what the vendor's client makes of it is a part of what may go wrong."""
        return self.store(spec, **settings)

    def begin(self, rng: random.Random) -> None:
        super().begin(rng)
        self.stores.service.item_fault = lambda *_: busy() if rng.random() < 0.1 else None

    def end(self) -> None:
        super().end()
        self.stores.service.item_fault = None

    def forgotten(self) -> None:
        self.stores.service.pits.clear()

    def is_search(self, request: Request) -> bool:
        return request.path.endswith("/_search")


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    TestFaults().hasten(monkeypatch)
    made = Stores()
    yield made
    made.close()


# --- items of a bulk request ------------------------------------------------------------------------


def test_items_that_fail_for_now_are_made_again_and_those_alone(stores: Stores) -> None:
    store, asked = stores.make(SPEC), list[str]()

    def fault(n: int, action: str, target: dict[str, Any]) -> ApiError | None:
        asked.append(target["_id"])
        return busy() if asked.count(target["_id"]) <= 2 and len(asked) % 2 else None

    stores.server.cluster.item_fault = fault
    store.commit([document("a", 1), document("b", 1)])
    stores.server.cluster.item_fault = None
    assert seen(store) == texts_of(document("a", 1), document("b", 1))
    assert len(set(asked)) < len(asked) < 3 * len(set(asked))


@pytest.mark.parametrize("action", ["create", "update"])
@pytest.mark.parametrize("nth", [0, 2, 5])
def test_an_item_that_fails_for_good_leaves_nothing_behind(stores: Stores, action: str, nth: int) -> None:
    store = stores.make(SPEC)
    store.commit([document("a", 1), document("b", 1)])

    def fault(n: int, kind: str, target: dict[str, Any]) -> ApiError | None:
        return (
            ApiError(400, "mapper_parsing_exception", "failed to parse")
            if (n, kind) == (nth, action)
            else None
        )

    stores.server.cluster.item_fault = fault
    with pytest.raises(StoreError, match=r"HTTP 400: mapper_parsing_exception: failed to parse"):
        store.commit([document("a", 2), document("b", 2)])
    stores.server.cluster.item_fault = None
    assert seen(store) == texts_of(document("a", 1), document("b", 1))
    store.commit([document("a", 3)])
    assert seen(store) == texts_of(document("a", 3), document("b", 1))
    store.compact()
    assert store.holdings().n_ended == 0


def test_what_the_server_acknowledged_and_has_not_is_noticed(stores: Stores) -> None:
    store = stores.make(SPEC)
    store.commit([document("a", 1)])
    stores.server.cluster.item_fault = lambda n, action, target: (
        "lie" if n == 1 and action == "create" else None
    )
    with pytest.raises(
        TransientStoreError, match=r"of 3 chunks and 3 records the server has .* Run it again"
    ):
        store.commit([document("a", 2)])
    stores.server.cluster.item_fault = None
    assert seen(store) == texts_of(document("a", 1))
    store.commit([document("a", 2)])
    assert seen(store) == texts_of(document("a", 2))


def test_a_search_of_several_that_fails_is_told(stores: Stores) -> None:
    store = stores.make(SPEC, attempts=1)
    store.commit([document("a", 1)])
    usual = stores.server.cluster.answer

    def half(request: Any) -> Any:
        answer = usual(request)
        if request.path == "/_msearch":
            answer["responses"][-1] = busy().body()
        return answer

    stores.server.cluster.answer = half  # type: ignore[method-assign]
    with pytest.raises(TransientStoreError, match=r"HTTP 429.*Try again"):
        store.search_terms([["common", "a", "nowhere"]], 5, Scope())


def test_queries_of_a_batch_are_one_request(stores: Stores) -> None:
    store = stores.make(SPEC)
    store.commit([document("a", 1)])
    queries = [["common"], ["a", "part"], ["nowhere"], []]
    alone = [store.search_terms([query], 5, Scope())[0] for query in queries]
    usual, paths = stores.server.cluster.answer, list[str]()

    def noted(request: Any) -> Any:
        paths.append(request.path)
        return usual(request)

    stores.server.cluster.answer = noted  # type: ignore[method-assign]
    together = store.search_terms(queries, 5, Scope())
    assert [path for path in paths if path.endswith("search")] == ["/_msearch"]
    for one, other in zip(together, alone, strict=True):
        assert (one.id_list(), one.scores.tolist()) == (other.id_list(), other.scores.tolist())


def test_a_shard_that_gives_no_answer_is_told(stores: Stores) -> None:
    store = stores.make(SPEC, attempts=1)
    store.commit([document("a", 1)])
    usual = stores.server.cluster.answer

    def partial(request: Any) -> Any:
        answer = usual(request)
        if request.path.endswith("/_search"):
            answer["_shards"]["failed"] = 1
        return answer

    stores.server.cluster.answer = partial  # type: ignore[method-assign]
    with pytest.raises(TransientStoreError, match=r"1 of the index's shards gave no answer"):
        store.search(vector_of("x")[None], 5, Scope())


def test_an_index_that_is_deleted_is_not_made_again_by_writing(stores: Stores) -> None:
    store = stores.make(SPEC)
    store.commit([document("a", 1)])
    del stores.server.cluster.indexes[store.config.name]
    with pytest.raises(CorruptIndexError, match=r"an index is not there.*restore both indexes"):
        store.commit([document("b", 1)])
    assert store.config.name not in stores.server.cluster.indexes
