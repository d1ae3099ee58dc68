"""Calls are dropped, answered too late, or done by half: nothing is lost, nothing is there twice."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from qdrant_client import models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from ragkit.errors import StoreError, TransientStoreError
from ragkit.protocols import Change, Scope
from ragkit.store.remote import head as heads
from ragkit.testing.data import quarantine, remove
from ragkit_connectors.qdrant import QdrantStore, server
from tests.connectors.faulty import whole_or_not_there
from tests.connectors.qdrant_stores import Stores
from tests.connectors.workload import SPEC, document, n_seen_at_head, seen, texts_of
from tests.crash.workloads import vector_of
from tests.scale import scaled

WRITES = ("upsert", "set_payload", "delete")
Fault = Callable[[Callable[..., Any], dict[str, Any]], Any]


def dropped(call: Callable[..., Any], given: dict[str, Any]) -> Any:
    """The server never hears of it."""
    raise ResponseHandlingException(httpx.ConnectError("connection refused"))


def answered_too_late(call: Callable[..., Any], given: dict[str, Any]) -> Any:
    """The server does it, and the answer does not come."""
    call(**given)
    raise ResponseHandlingException(httpx.ReadTimeout("timed out"))


def failed(call: Callable[..., Any], given: dict[str, Any]) -> Any:
    """The server has a bad moment."""
    raise UnexpectedResponse(503, "unavailable", b"overloaded", httpx.Headers())


def half_done(call: Callable[..., Any], given: dict[str, Any]) -> Any:
    """Half of the points are written, and it fails."""
    if "points" in given and isinstance(given["points"], list):
        call(**{**given, "points": given["points"][: len(given["points"]) // 2]})
    raise UnexpectedResponse(500, "error", b"disk", httpx.Headers())


def silently_half_done(call: Callable[..., Any], given: dict[str, Any]) -> Any:
    """Half of the points are written, and it says that all are."""
    if "points" in given and isinstance(given["points"], list):
        return call(**{**given, "points": given["points"][: len(given["points"]) // 2]})
    return call(**given)


LOUD = (dropped, answered_too_late, failed, half_done)


class Faults:
    """A client between the store and the real one, with a script of what goes wrong."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.script: dict[int, Fault] = {}
        self.n_writes = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        if name not in WRITES:
            return method

        def call(**given: Any) -> Any:
            fault = self.script.get(self.n_writes)
            self.n_writes += 1
            return method(**given) if fault is None else fault(method, given)

        return call

    def plan(self, script: dict[int, Fault]) -> None:
        """What goes wrong from now on, by number of the writing call."""
        self.n_writes, self.script = 0, script


class FaultyStore(QdrantStore):
    """A store whose client is scripted."""

    def make_client(self) -> Any:
        self.faults = Faults(super().make_client())
        return self.faults


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    monkeypatch.setattr(server, "_FIRST_WAIT_S", 0.0)
    made = Stores()
    yield made
    made.close()


def faulty(stores: Stores, **settings: Any) -> FaultyStore:
    store = stores.make(SPEC, FaultyStore, **settings)
    assert isinstance(store, FaultyStore)
    return store


@pytest.mark.parametrize("fault", LOUD, ids=lambda fault: fault.__name__)
def test_what_passes_is_made_again(stores: Stores, fault: Fault) -> None:
    store = faulty(stores)
    store.commit([document("a", 1), document("b", 1)])
    store.faults.plan(dict.fromkeys(range(0, 40, 2), fault))
    store.commit([document("a", 2), document("c", 1), quarantine("q")])
    store.faults.plan({})
    assert seen(store) == texts_of(document("a", 2), document("b", 1), document("c", 1))
    assert store.head() == 2


@pytest.mark.parametrize("fault", LOUD, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("place", range(7))
def test_a_commit_that_fails_anywhere_is_whole_or_not_there(stores: Stores, fault: Fault, place: int) -> None:
    """After its lease ended or not: the next one settles what was left."""
    store = faulty(stores, attempts=1)
    store.commit([document("a", 1), document("b", 1)])
    whole_or_not_there(store, store.faults.plan, {place: fault})


@pytest.mark.parametrize("place", [2, 3])
def test_what_the_server_acknowledged_and_has_not_is_noticed(stores: Stores, place: int) -> None:
    store = faulty(stores)
    store.commit([document("a", 1)])
    store.faults.plan({place: silently_half_done})
    with pytest.raises(
        TransientStoreError, match=r"of 3 chunks and 3 records the server has .* Run it again"
    ):
        store.commit([document("a", 2)])
    assert seen(store) == texts_of(document("a", 1))
    store.faults.plan({})
    store.commit([document("a", 2)])
    assert seen(store) == texts_of(document("a", 2))


def test_histories_of_faults_lose_and_double_nothing(stores: Stores) -> None:
    """Random scripts over one index: each commit that returned is there, each that failed is there or not."""
    rng = random.Random(20)
    for _ in range(scaled(60)):
        store, held = faulty(stores, attempts=2), dict[str, Change]()
        for version in range(6):
            names = rng.sample("abcdef", 3)
            changes = [remove(n) if rng.random() < 0.2 else document(n, version) for n in names]
            store.faults.plan({i: rng.choice(LOUD) for i in range(60) if rng.random() < 0.3})
            wanted = {**held, **{c.state.document_id: c for c in changes}}
            try:
                store.commit(changes)
                options = [wanted]
            except TransientStoreError:
                options = [held, wanted]
            store.faults.plan({})
            there = seen(store)
            held = next(option for option in reversed(options) if texts_of(*option.values()) == there)


def test_threads_of_one_store_write_in_turn_and_read_meanwhile(stores: Stores) -> None:
    store = faulty(stores)
    with ThreadPoolExecutor(8) as pool:
        written = [pool.submit(store.commit, [document(name, 1)]) for name in "abcdefgh"]
        read = [pool.submit(n_seen_at_head, store) for _ in range(16)]
        assert sorted(future.result() for future in written) == list(range(1, 9))
        assert all(future.result() % 3 == 0 for future in read)
    assert seen(store) == texts_of(*(document(name, 1) for name in "abcdefgh"))


# --- two writers ------------------------------------------------------------------------------------


def second(store: FaultyStore, **settings: Any) -> QdrantStore:
    """Another process' store over the same collections."""

    class Sharing(QdrantStore):
        def make_client(self) -> Any:
            return store.faults.client

    return Sharing(collection=store.config.collection, location=":memory:", **settings).open(SPEC)


def test_a_second_writer_is_told_who_writes(stores: Stores) -> None:
    store = faulty(stores)
    other = second(store)
    with store.writing():
        with pytest.raises(
            TransientStoreError, match=r"process \d+ on .* is writing to this index.*lease ends"
        ):
            other.commit([document("a", 1)])
        assert other.head() == 0
    assert other.commit([document("a", 1)]) == 1


def test_a_writer_that_slept_through_its_lease_cannot_move_the_pointer(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what it wrote before, and what arrives of it later, is as if unwritten."""
    store = faulty(stores)
    store.commit([document("a", 1), document("b", 1)])
    other = second(store)
    late: list[Callable[[], Any]] = []

    def overtaken(call: Callable[..., Any], given: dict[str, Any]) -> Any:
        """While the old ones are ended, another writer takes over; the rest arrives after its commit."""
        heads.change(other._server, {"expires_ms": 0}, owner=store._lease.owner)
        assert other.commit([document("c", 1)]) == 3
        late.append(lambda: call(**given))
        return call(**given)

    store.faults.plan({4: overtaken})
    with pytest.raises(
        TransientStoreError, match=r"another one took over. Nothing of this commit is to be seen"
    ):
        store.commit([document("a", 2), remove("b")])
    expected = texts_of(document("a", 1), document("b", 1), document("c", 1))
    assert seen(other) == expected
    late[0]()
    assert seen(other) == expected
    other.commit([document("a", 3)])
    assert seen(other) == texts_of(document("a", 3), document("b", 1), document("c", 1))
    other.compact()
    assert seen(other) == texts_of(document("a", 3), document("b", 1), document("c", 1))


def test_late_points_of_a_burnt_number_are_not_seen(stores: Stores) -> None:
    store = faulty(stores, attempts=1)
    store.commit([document("a", 1)])
    late: list[dict[str, Any]] = []

    def delayed(call: Callable[..., Any], given: dict[str, Any]) -> Any:
        late.append(given)
        raise ResponseHandlingException(httpx.ReadTimeout("timed out"))

    store.faults.plan({2: delayed})
    with pytest.raises(TransientStoreError):
        store.commit([document("a", 2)])
    store.faults.plan({})
    assert store.commit([document("b", 1)]) == 3
    store.faults.client.upsert(**late[0])
    assert isinstance(late[0]["points"][0], models.PointStruct)
    assert seen(store) == texts_of(document("a", 1), document("b", 1))


def test_a_reader_whose_commit_is_collected_meanwhile_is_told(stores: Stores) -> None:
    store = faulty(stores)
    store.commit([document("a", 1)])
    other, plain = second(store), store.faults.client.query_points

    def collected(**given: Any) -> Any:
        store.faults.client.query_points = plain
        other.commit([document("a", 2)])
        other.compact()
        return plain(**given)

    store.faults.client.query_points = collected
    with pytest.raises(
        StoreError, match=r"commit 1 is not kept any more.*Ask again: the current commit is 2"
    ):
        store.search(vector_of("x")[None], 5, Scope(commit=1))
