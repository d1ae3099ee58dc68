"""Weaviate under faults, killed writers, questions across tenants and strange texts."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from ragkit.errors import CorruptIndexError, StoreError, TransientStoreError
from ragkit.store.remote import head as heads
from tests.connectors.faulty import FaultChecks, HistoryChecks
from tests.connectors.guarded import TenantChecks
from tests.connectors.injected import InjectionChecks
from tests.connectors.killed import KillChecks
from tests.connectors.loopback import Fault, Request
from tests.connectors.weaviate.server.collection import refused
from tests.connectors.weaviate.server.service import done_and_unavailable, limited, unavailable
from tests.connectors.weaviate.stores import Stores
from tests.connectors.workload import SPEC, document, seen, texts_of

pytest.importorskip("graphql", reason="needs graphql-core, which parses for the local server")
from ragkit_connectors import http_calls


class OfWeaviate:
    """What the checks of imitated servers need to know."""

    kind = Stores
    loud: ClassVar[tuple[Fault, ...]] = (unavailable, limited, done_and_unavailable)

    def hasten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_calls, "FIRST_WAIT_S", 0.001)


class TestFaults(OfWeaviate, FaultChecks):
    """All kinds of them."""

    def is_search(self, request: Request) -> bool:
        return b"nearVector" in request.body


class TestFaultsWithTenants(OfWeaviate, HistoryChecks):
    """The same with a shard for each tenant, and vectors that are indexed later."""

    settings: ClassVar[dict[str, Any]] = {"tenancy": "native"}

    @pytest.fixture(autouse=True)
    def _later(self, _stores: None) -> None:
        self.stores.service.is_asynchronous = True


class TestKill(OfWeaviate, KillChecks):
    """SIGKILL."""

    use = "store/weaviate"


class TestTenants(OfWeaviate, TenantChecks):
    """A server that leaves filters out."""

    def forget(self, request: Request) -> None:
        if request.path.startswith("/v1/graphql") and b"__records" not in request.body:
            body = json.loads(request.body)
            for one in body if isinstance(body, list) else [body]:
                if "nearVector" in one["query"] or "impacts" in one["query"] or "ContainsAny" in one["query"]:
                    one["query"] = _without_where(one["query"])
            request.body = json.dumps(body).encode()


def _without_where(text: str) -> str:
    """A query without its filter."""
    first = text.find("where:{")
    if first < 0 or text.startswith("{Aggregate"):
        return text
    depth, last = 0, first + len("where:")
    while True:
        depth += {"{": 1, "}": -1}.get(text[last], 0)
        last += 1
        if depth == 0:
            break
    return re.sub(r",(?=\))|(?<=\(),", "", (text[:first] + text[last:]).replace(",,", ",")).replace("()", "")


class TestTenantsApart(TestTenants):
    """A shard for each tenant."""

    settings: ClassVar[dict[str, Any]] = {"tenancy": "native", "exact_below": 0}


class TestInjection(OfWeaviate, InjectionChecks):
    """Texts that are GraphQL."""


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    OfWeaviate().hasten(monkeypatch)
    made = Stores()
    yield made
    made.close()


def test_objects_that_fail_for_now_are_made_again_and_those_alone(stores: Stores) -> None:
    store, asked = stores.make_here(SPEC), list[str]()

    def fault(n: int, one: dict[str, Any]) -> Any:
        asked.append(one["id"])
        return (
            refused("context deadline exceeded") if asked.count(one["id"]) <= 2 and len(asked) % 2 else None
        )

    stores.service.item_fault = fault
    store.commit([document("a", 1), document("b", 1)])
    stores.service.item_fault = None
    assert seen(store) == texts_of(document("a", 1), document("b", 1))
    assert len(set(asked)) < len(asked) < 3 * len(set(asked))


@pytest.mark.parametrize("nth", [0, 2, 5])
def test_an_object_that_fails_for_good_leaves_nothing_behind(stores: Stores, nth: int) -> None:
    store = stores.make_here(SPEC)
    store.commit([document("a", 1), document("b", 1)])
    stores.service.item_fault = lambda n, one: refused("invalid text property") if n == nth else None
    with pytest.raises(StoreError, match=r"the server refuses \(invalid text property\); object [0-9a-f-]+"):
        store.commit([document("a", 2), document("b", 2)])
    stores.service.item_fault = None
    assert seen(store) == texts_of(document("a", 1), document("b", 1))
    store.commit([document("a", 3)])
    assert seen(store) == texts_of(document("a", 3), document("b", 1))
    store.compact()
    assert store.holdings().n_ended == 0


def test_what_the_server_acknowledged_and_has_not_is_noticed(stores: Stores) -> None:
    store = stores.make_here(SPEC)
    store.commit([document("a", 1)])
    stores.service.item_fault = lambda n, one: "lie" if n == 1 else None
    with pytest.raises(
        TransientStoreError, match=r"of 3 chunks and 3 records the server has .* Run it again"
    ):
        store.commit([document("a", 2)])
    stores.service.item_fault = None
    assert seen(store) == texts_of(document("a", 1))
    store.commit([document("a", 2)])
    assert seen(store) == texts_of(document("a", 2))


def test_vectors_that_never_reach_the_index_are_told(stores: Stores) -> None:
    store = stores.make_here(SPEC, timeout_s=1)
    usual = stores.service.answer

    def stuck(request: Request) -> Any:
        answer = usual(request)
        if request.path.startswith("/v1/nodes"):
            answer["nodes"][0]["shards"][0]["vectorQueueLength"] = 3
        return answer

    stores.service.answer = stuck  # type: ignore[method-assign]
    with pytest.raises(TransientStoreError, match=r"3 vectors are not in the index yet.*raise timeout_s"):
        store.commit([document("a", 1)])
    stores.service.answer = usual  # type: ignore[method-assign]
    assert store.head() == 0


def test_an_index_that_is_deleted_is_not_made_again_by_writing(stores: Stores) -> None:
    store = stores.make_here(SPEC)
    store.commit([document("a", 1)])
    del stores.service.collections[store.config.name]
    with pytest.raises(
        CorruptIndexError, match=r"collection of the index is not there.*restore it from a backup"
    ):
        store.commit([document("b", 1)])
    assert store.config.name not in stores.service.collections


# --- the record of commits --------------------------------------------------------------------------


def test_of_many_that_change_the_record_at_once_each_does_so_once(stores: Stores) -> None:
    """Each adds one under the condition that nobody did since it looked, as often as it takes."""
    from concurrent.futures import ThreadPoolExecutor

    first = stores.make(SPEC)
    everyone = [first, *(stores.make(SPEC, name=first.config.name) for _ in range(5))]

    def add(store: Any) -> None:
        for _ in range(6):
            while True:
                seen_number = heads.read(store._server).generation
                mine = f"{id(store)} {random.random()}"
                heads.change(
                    store._server, {"generation": seen_number + 1, "owner": mine}, generation=seen_number
                )
                after = heads.read(store._server)
                if after.owner == mine or after.generation > seen_number + 1:
                    break
            added.append(after.owner == mine)

    added: list[bool] = []
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add, everyone))
    assert heads.read(first._server).generation >= sum(added)
    assert sum(added) >= 6


def test_a_writer_that_slept_while_states_were_cleaned_changes_nothing(stores: Stores) -> None:
    """Its state takes a number that was deleted, below the one that holds: nobody ever reads it."""
    store = stores.make_here(SPEC)
    late, other = (stores.make_here(SPEC, name=store.config.name) for _ in range(2))
    asleep = late._server.heads.current()
    assert asleep is not None
    for version in range(8):
        store.commit([document("a", version)])
    assert late._server.heads.change(asleep.number + 1, {**late._server.heads.payload(asleep), "number": 77})
    for reader in (store, other, late, stores.make_here(SPEC, name=store.config.name)):
        assert reader.head() == 8
        assert seen(reader) == texts_of(document("a", 7))
    store.commit([document("a", 9)])
    assert late.head() == 9
    assert len(store._server.heads.numbers()) < 30
