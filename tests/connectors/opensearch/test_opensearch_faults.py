"""Requests are dropped, answered too late, or done by half: nothing is lost, nothing is there twice."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ragkit.errors import CorruptIndexError, StoreError, TransientStoreError
from ragkit.protocols import Change, Scope
from ragkit.store.remote import head as heads
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put, quarantine, remove
from ragkit_connectors.opensearch import OpenSearchStore, bulk, calls
from tests.connectors.opensearch.server import http
from tests.connectors.opensearch.server.errors import ApiError
from tests.connectors.opensearch.server.http import Fault, is_writing
from tests.connectors.opensearch.stores import Stores
from tests.crash.workloads import DIMENSION, vector_of
from tests.scale import scaled

pytest.importorskip("opensearchpy", reason="needs the extra opensearch")
SPEC = StoreSpec("hash", embedder_fingerprint="hash/1", dimension=DIMENSION)
LOUD: tuple[Fault, ...] = (
    http.dropped,
    http.answer_lost,
    http.unavailable,
    http.rejected,
    http.done_and_unavailable,
)


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    monkeypatch.setattr(calls, "_FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(bulk, "_FIRST_WAIT_S", 0.001)
    made = Stores()
    yield made
    made.close()


def document(name: str, version: int) -> Change:
    """A document of four passages."""
    texts = [f"common {name} version {version} part {i}" for i in range(4)]
    return put(name, [(text, vector_of(text)) for text in texts])


def seen(store: OpenSearchStore) -> list[str]:
    """The texts of all chunks, by each way of search, and what the states say of them."""
    (dense,) = store.search(vector_of("x")[None], 1000, Scope())
    (sparse,) = store.search_terms([["common"]], 1000, Scope())
    assert sorted(dense.id_list()) == sorted(sparse.id_list())
    chunks = store.fetch(dense.id_list(), Scope())
    texts = sorted(chunk.text for chunk in chunks if chunk is not None)
    states = list(store.states())
    assert len(texts) == len(dense) == store.counts().chunks == sum(s.n_chunks for s in states)
    sources = [store.source("", s.document_id) for s in states if s.n_chunks]
    assert sorted(line for s in sources if s is not None for line in s.text.split("\n")) == texts
    assert store.verify() == []
    return texts


def texts_of(*changes: Change) -> list[str]:
    return sorted(record.chunk.text for change in changes for record in change.records)


@pytest.mark.parametrize("fault", LOUD, ids=lambda fault: fault.__name__)
def test_what_passes_is_made_again(stores: Stores, fault: Fault) -> None:
    store = stores.make(SPEC)
    store.commit([document("a", 1), document("b", 1)])
    stores.server.plan(dict.fromkeys(range(0, 60, 2), fault))
    store.commit([document("a", 2), document("c", 1), quarantine("q")])
    stores.server.plan({})
    assert seen(store) == texts_of(document("a", 2), document("b", 1), document("c", 1))
    assert store.head() == 2


@pytest.mark.parametrize("fault", LOUD, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("place", range(8))
def test_a_commit_that_fails_anywhere_is_whole_or_not_there(stores: Stores, fault: Fault, place: int) -> None:
    """After its lease ended or not: the next one settles what was left."""
    store = stores.make(SPEC, attempts=1)
    store.commit([document("a", 1), document("b", 1)])
    before, after = seen(store), texts_of(document("a", 2), document("c", 1))
    stores.server.plan({place: fault})
    error: StoreError | None = None
    try:
        store.commit([document("a", 2), remove("b"), document("c", 1)])
    except StoreError as e:
        error = e
    stores.server.plan({})
    assert seen(store) in ([after] if error is None else [before, after])
    assert error is None or isinstance(error, TransientStoreError)
    store.commit([document("a", 2), remove("b"), document("c", 1)])
    assert seen(store) == after
    store.compact()
    assert seen(store) == after
    assert store.holdings().n_ended == 0


def test_an_answer_that_comes_too_late_is_waited_for_once(stores: Stores) -> None:
    store = stores.make(SPEC, timeout_s=1)
    stores.server.plan({2: http.answer_late})
    assert store.commit([document("a", 1)]) == 1
    assert seen(store) == texts_of(document("a", 1))


def test_any_request_may_fail_reading_ones_too(stores: Stores) -> None:
    store, rng = stores.make(SPEC), random.Random(7)
    usual = stores.server.cluster.answer

    def shaky(request: Any) -> Any:
        if rng.random() < 0.2:
            raise rng.choice([ApiError(503, "unavailable", "x"), ApiError(429, "rejected", "x")])
        return usual(request)

    stores.server.cluster.answer = shaky  # type: ignore[method-assign]
    for version in range(4):
        store.commit([document("a", version), document("b", version)])
    assert seen(store) == texts_of(document("a", 3), document("b", 3))


# --- items of a bulk request ------------------------------------------------------------------------


def busy() -> ApiError:
    return ApiError(429, "rejected_execution_exception", "rejected execution on primary [coordinating]")


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
        TransientStoreError, match=r"of 4 chunks and 3 records the server has .* Run it again"
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


# --- histories --------------------------------------------------------------------------------------


def test_histories_of_faults_lose_and_double_nothing(stores: Stores) -> None:
    """Random scripts, items of bulk requests too: what returned is there, what failed is there or not."""
    rng = random.Random(20)
    for _ in range(scaled(60)):
        store, held = stores.make(SPEC, attempts=2), dict[str, Change]()
        for version in range(6):
            names = rng.sample("abcdef", 3)
            changes = [remove(n) if rng.random() < 0.2 else document(n, version) for n in names]
            stores.server.plan({i: rng.choice(LOUD) for i in range(80) if rng.random() < 0.2})
            stores.server.cluster.item_fault = lambda *_: busy() if rng.random() < 0.1 else None
            wanted = {**held, **{c.state.document_id: c for c in changes}}
            try:
                store.commit(changes)
                options = [wanted]
            except TransientStoreError:
                options = [held, wanted]
            stores.server.plan({})
            stores.server.cluster.item_fault = None
            there = seen(store)
            held = next(option for option in reversed(options) if texts_of(*option.values()) == there)


def test_a_server_that_is_killed_and_started_again_in_mid_ingest(stores: Stores) -> None:
    """Documents are kept, as a real server keeps what it acknowledged; connections are not."""
    store, rng, done = stores.make(SPEC, attempts=12), random.Random(3), threading.Event()

    def kill() -> None:
        while not done.wait(rng.uniform(0.05, 0.2)):
            stores.server.stop()
            stores.server.cluster.pits.clear()
            done.wait(0.03)
            stores.server.start()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        for version in range(scaled(60)):
            store.commit([document(name, version) for name in "abc"])
    finally:
        done.set()
        killer.join()
    assert seen(store) == texts_of(*(document(name, scaled(60) - 1) for name in "abc"))


def test_threads_of_one_store_write_in_turn_and_read_meanwhile(stores: Stores) -> None:
    store = stores.make(SPEC)
    with ThreadPoolExecutor(8) as pool:
        written = [pool.submit(store.commit, [document(name, 1)]) for name in "abcdefgh"]
        read = [pool.submit(seen_at_head, store) for _ in range(16)]
        assert sorted(future.result() for future in written) == list(range(1, 9))
        assert all(future.result() % 4 == 0 for future in read)
    assert seen(store) == texts_of(*(document(name, 1) for name in "abcdefgh"))


def seen_at_head(store: OpenSearchStore) -> int:
    with store.hold() as commit:
        return len(store.search(vector_of("x")[None], 100, Scope(commit=commit))[0])


# --- two writers ------------------------------------------------------------------------------------


def second(stores: Stores, store: OpenSearchStore) -> OpenSearchStore:
    """Another process' store over the same indexes."""
    return stores.make(SPEC, name=store.config.name)


def test_a_second_writer_is_told_who_writes(stores: Stores) -> None:
    store = stores.make(SPEC)
    other = second(stores, store)
    with store.writing():
        with pytest.raises(
            TransientStoreError, match=r"process \d+ on .* is writing to this index.*lease ends"
        ):
            other.commit([document("a", 1)])
        assert other.head() == 0
    assert other.commit([document("a", 1)]) == 1


@pytest.mark.parametrize("place", [2, 3, 4])
def test_a_writer_that_slept_through_its_lease_cannot_move_the_pointer(stores: Stores, place: int) -> None:
    """And what it wrote before, and what arrives of it later, is as if unwritten."""
    store = stores.make(SPEC)
    store.commit([document("a", 1), document("b", 1)])
    other = second(stores, store)
    late: list[Any] = []

    def overtaken(request: Any, usual: Any) -> Any:
        """Another writer takes over and commits first; the request arrives after that, twice."""
        stores.server.plan({})
        heads.change(other._server, {"expires_ms": 0}, owner=store._lease.owner)
        assert other.commit([document("a", 7), document("c", 1)]) == 3
        late.append(usual)
        return usual()

    stores.server.plan({place: overtaken})
    with pytest.raises(
        TransientStoreError, match=r"another one took over. Nothing of this commit is to be seen"
    ):
        store.commit([document("a", 2), remove("b")])
    expected = texts_of(document("a", 7), document("b", 1), document("c", 1))
    assert seen(other) == expected
    late[0]()
    other._server.settle()
    assert seen(other) == expected
    other.commit([document("a", 3)])
    other.compact()
    assert seen(other) == texts_of(document("a", 3), document("b", 1), document("c", 1))


def test_an_index_that_is_deleted_is_not_made_again_by_writing(stores: Stores) -> None:
    store = stores.make(SPEC)
    store.commit([document("a", 1)])
    del stores.server.cluster.indexes[store.config.name]
    with pytest.raises(CorruptIndexError, match=r"an index is not there.*restore both indexes"):
        store.commit([document("b", 1)])
    assert store.config.name not in stores.server.cluster.indexes


def test_a_reader_whose_commit_is_collected_meanwhile_is_told(stores: Stores) -> None:
    store = stores.make(SPEC)
    store.commit([document("a", 1)])
    other, usual = second(stores, store), stores.server.cluster.answer

    def collected(request: Any) -> Any:
        if request.path.endswith("/_search") and not is_writing(request):
            stores.server.cluster.answer = usual  # type: ignore[method-assign]
            other.commit([document("a", 2)])
            other.compact()
        return usual(request)

    stores.server.cluster.answer = collected  # type: ignore[method-assign]
    with pytest.raises(
        StoreError, match=r"commit 1 is not kept any more.*Ask again: the current commit is 2"
    ):
        store.search(vector_of("x")[None], 5, Scope(commit=1))
