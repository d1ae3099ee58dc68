"""Calls that fail, answers that are lost, writers that sleep: a commit is whole or not there."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from ragkit.errors import StoreError, TransientStoreError
from ragkit.protocols import Change, Scope
from ragkit.store.remote import head as heads
from ragkit.store.remote.server import ReadOnlyError
from ragkit.testing.data import quarantine, remove
from ragkit_connectors.milvus import MilvusStore
from tests.connectors.milvus.stores import Stores
from tests.connectors.workload import SPEC, n_seen_at_head, seen, texts_of
from tests.connectors.workload import document as three_passages
from tests.crash.workloads import vector_of
from tests.scale import IS_FULL, scaled

pytest.importorskip("milvus_lite", reason="needs the extra milvus-lite")
from pymilvus.exceptions import MilvusException

from tests.connectors.milvus.shaky import WRITING, Call, Fault, ShakyStore, answer_lost, denied, refused

document = partial(three_passages, n=2)  # each row costs Milvus Lite time
LOUD: tuple[Fault, ...] = (refused, answer_lost)


@pytest.fixture(scope="module")
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


@pytest.fixture
def store(stores: Stores) -> ShakyStore:
    made = stores.make(SPEC, ShakyStore, attempts=1)
    assert isinstance(made, ShakyStore)
    return made


def second(stores: Stores, store: MilvusStore) -> MilvusStore:
    """Another process' store over the same collections."""
    return stores.make(SPEC, collection=store.config.collection)


# --- calls that fail --------------------------------------------------------------------------------


def n_calls(store: ShakyStore) -> int:
    """How many calls a commit makes that replaces, removes and adds."""
    store.commit([document("a", 1), document("b", 1)])
    store.client.begin()
    store.commit([document("a", 2), remove("b"), document("c", 1)])
    return len(store.client.calls)


@pytest.mark.parametrize("fault", LOUD, ids=lambda fault: fault.__name__)
def test_a_commit_that_fails_anywhere_is_whole_or_not_there(stores: Stores, fault: Fault) -> None:
    """The next one settles what was left, another process' too."""
    made = stores.make(SPEC, ShakyStore, attempts=1)
    assert isinstance(made, ShakyStore)
    total, n_failed = n_calls(made), 0
    places = range(total) if IS_FULL else random.Random(fault.__name__).sample(range(total), 4)
    for place in places:
        store = stores.make(SPEC, ShakyStore, attempts=1)
        assert isinstance(store, ShakyStore)
        store.commit([document("a", 1), document("b", 1)])
        before, after = (
            texts_of(document("a", 1), document("b", 1)),
            texts_of(document("a", 2), document("c", 1)),
        )
        store.client.begin(lambda n, _, place=place: fault if n == place else None)  # type: ignore[misc]
        error: StoreError | None = None
        try:
            store.commit([document("a", 2), remove("b"), document("c", 1)])
        except StoreError as e:
            error = e
        store.client.begin()
        there = seen(store)
        assert there in ([after] if error is None else [before, after]), (place, store.client.calls)
        assert error is None or isinstance(error, TransientStoreError)
        n_failed += error is not None
        other = second(stores, store)
        assert seen(other) == there
        heads.change(other._server, {"expires_ms": 0}, owner=store._lease.owner)
        other.commit([document("a", 2), remove("b"), document("c", 1)])
        other.compact()
        assert seen(store) == seen(other) == after
        assert other.holdings().n_ended == 0
    assert n_failed > 0


def test_what_is_refused_for_good_leaves_nothing_behind(store: ShakyStore) -> None:
    store.commit([document("a", 1)])
    store.client.begin(lambda n, name: denied if name == "upsert" else None)
    with pytest.raises(StoreError, match=r"role does not allow it.*permission deny.*to ingest, Upsert"):
        store.commit([document("a", 2)])
    # Who may only read is answered, also in a commit that it cannot keep.
    with store.hold() as commit:
        assert len(store.search(vector_of("x")[None], 9, Scope(commit=commit))[0]) == 2
    store.client.begin()
    assert seen(store) == texts_of(document("a", 1))


def test_a_role_that_may_only_read_opens_an_index_and_asks(stores: Stores, store: ShakyStore) -> None:
    store.commit([document("a", 1)])
    forbidden = {"load_collection", "upsert", "delete", "rename_collection", "create_collection"}

    class Reader(ShakyStore):
        def make_client(self, uri: str) -> Any:
            client = super().make_client(uri)
            client.begin(lambda n, name: denied if name in forbidden else None)
            return client

    reader = stores.make(SPEC, Reader, collection=store.config.collection, attempts=1)
    assert seen(reader) == texts_of(document("a", 1))
    for call in (lambda: reader.commit([document("b", 1)]), reader.compact):
        with pytest.raises(ReadOnlyError, match="role does not allow it"):
            call()
    with pytest.raises(ReadOnlyError, match="role does not allow it"):
        stores.make(SPEC, Reader, attempts=1)
    assert seen(store) == texts_of(document("a", 1))


def test_histories_of_faults_lose_and_double_nothing(stores: Stores) -> None:
    """Random scripts: what returned is there, what failed is there as a whole or not."""
    rng = random.Random(20)
    for _ in range(scaled(40)):
        store, held = stores.make(SPEC, ShakyStore, attempts=1), dict[str, Change]()
        assert isinstance(store, ShakyStore)
        for version in range(5):
            names = rng.sample("abcdef", 3)
            changes = [remove(n) if rng.random() < 0.2 else document(n, version) for n in names]
            faults = {i: rng.choice(LOUD) for i in range(80) if rng.random() < 0.04}
            store.client.begin(lambda n, _, faults=faults: faults.get(n))  # type: ignore[misc]
            wanted = {**held, **{c.state.document_id: c for c in changes}}
            try:
                store.commit(changes)
                options = [wanted]
            except TransientStoreError:
                options = [held, wanted]
            store.client.begin()
            there = seen(store)
            held = next(option for option in reversed(options) if texts_of(*option.values()) == there)


def test_an_answer_that_is_too_large_is_asked_for_in_smaller_pages(store: ShakyStore) -> None:
    store.commit([document(name, 1) for name in "abcdef"])
    client = store.client._client
    asked: list[int] = []

    class Small:
        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

        def query(self, *given: Any, **arguments: Any) -> Any:
            asked.append(arguments.get("limit", 0))
            found = client.query(*given, **arguments)
            if len(found) > 5:
                raise MilvusException(code=1, message="message larger than max (6 vs. 5)")
            return found

    store.client._client = Small()
    try:
        assert len(list(store.states())) == 6
        assert {50, 6, 1} <= set(asked)
        assert store.verify() == []
    finally:
        store.client._client = client


# --- two writers ------------------------------------------------------------------------------------


def test_a_second_writer_is_told_who_writes(stores: Stores, store: ShakyStore) -> None:
    other = second(stores, store)
    with store.writing():
        with pytest.raises(
            TransientStoreError, match=r"process \d+ on .* is writing to this index.*lease ends"
        ):
            other.commit([document("a", 1)])
        assert other.head() == 0
    assert other.commit([document("a", 1)]) == 1


def test_a_writer_that_slept_through_its_lease_ends_nothing(stores: Stores, store: ShakyStore) -> None:
    """Wherever it fell asleep: what it wrote, and what arrives of it later and twice, is as if unwritten."""
    total, n_overtaken = n_calls(store), 0
    places = range(total) if IS_FULL else random.Random(5).sample(range(total), 5)
    for place in places:
        mine = stores.make(SPEC, ShakyStore, attempts=1)
        assert isinstance(mine, ShakyStore)
        mine.commit([document("a", 1), document("b", 1)])
        other, late, numbers = second(stores, mine), list[Call](), list[int]()

        def overtaken(
            call: Call, mine: Any = mine, other: Any = other, late: Any = late, numbers: Any = numbers
        ) -> Any:
            """Another writer takes over and commits, and only then the call arrives."""
            mine.client.plan = lambda n, name: None
            heads.change(other._server, {"expires_ms": 0}, owner=mine._lease.owner)
            numbers.append(other.commit([document("a", 7), document("c", 7)]))
            other.compact()
            late.append(call)
            return call()

        mine.client.begin(
            lambda n, name, place=place: overtaken if n >= place and name in WRITING else None  # type: ignore[misc]
        )
        error: StoreError | None = None
        try:
            numbers.append(mine.commit([document("a", 2), remove("b")]))
        except StoreError as e:
            error = e
        if not late:
            continue  # no call wrote after this place
        n_overtaken += error is not None
        # It happened before the other one came, or after it was done, or it never did.
        others = [] if error is None else [document("b", 1)]
        is_last = error is None and numbers[1] > numbers[0]
        expected = texts_of(document("a", 2 if is_last else 7), document("c", 7), *others)
        assert seen(other) == expected, (place, error, mine.client.calls)
        with suppress(Exception):
            late[0]()
        assert seen(other) == expected
        other.commit([document("a", 3)])
        other.compact()
        assert seen(other) == texts_of(document("a", 3), document("c", 7), *others)
        assert other.holdings().n_ended == 0
    assert n_overtaken > 0


def test_of_many_that_change_the_record_one_succeeds(stores: Stores, store: ShakyStore) -> None:
    """The step that all else rests on, from eight stores at once."""
    others = [second(stores, store) for _ in range(8)]
    for round_ in range(scaled(100)):
        head = heads.read(store._server)

        def change(one: MilvusStore, head: Any = head) -> None:
            heads.change(one._server, {"owner": one.config.collection + str(id(one))}, owner=head.owner)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(change, others))
        owners = {heads.read(one._server).owner for one in others}
        assert len(owners) == 1
        assert owners <= {one.config.collection + str(id(one)) for one in others}
        assert len(store._server.turn.names()) == 1, round_


def test_threads_of_one_store_write_in_turn_and_read_meanwhile(store: ShakyStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        written = [pool.submit(store.commit, [document(name, 1)]) for name in "abcd"]
        read = [pool.submit(n_seen_at_head, store) for _ in range(8)]
        assert sorted(future.result() for future in written) == [1, 2, 3, 4]
        assert all(future.result() % 2 == 0 for future in read)
    assert seen(store) == texts_of(*(document(name, 1) for name in "abcd"))


def test_a_reader_whose_commit_is_collected_meanwhile_is_told(stores: Stores, store: ShakyStore) -> None:
    store.commit([document("a", 1), quarantine("q")])
    other = second(stores, store)

    def collected(call: Call) -> Any:
        store.client.begin()
        other.commit([document("a", 2)])
        other.compact()
        return call()

    store.client.begin(lambda n, name: collected if name == "search" else None)
    with pytest.raises(
        StoreError, match=r"commit 1 is not kept any more.*Ask again: the current commit is 2"
    ):
        store.search(vector_of("x")[None], 5, Scope(commit=1))
