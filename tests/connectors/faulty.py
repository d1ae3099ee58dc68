"""Faults, servers that die and writers that sleep, on any server that is imitated here."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from ragkit.errors import StoreError, TransientStoreError
from ragkit.protocols import Change, Scope
from ragkit.store.remote import head as heads
from ragkit.testing.data import quarantine, remove
from tests.connectors import loopback
from tests.connectors.imitated import Imitated
from tests.connectors.loopback import Fault
from tests.connectors.workload import document, n_seen_at_head, seen, texts_of
from tests.crash.workloads import vector_of
from tests.scale import IS_FULL, scaled


def whole_or_not_there(store: Any, plan: Callable[[dict[int, Any]], None], script: dict[int, Any]) -> None:
    """A commit over documents `a` and `b` at version 1 while things go wrong, and the next one.

    Args:
        store: its lease may still be held after a failure.
        plan: sets what goes wrong, by number of the writing request.
        script: what goes wrong with the commit.
    """
    before, after = seen(store), texts_of(document("a", 2), document("c", 1))
    plan(script)
    error: StoreError | None = None
    try:
        store.commit([document("a", 2), remove("b"), document("c", 1)])
    except StoreError as e:
        error = e
    plan({})
    assert seen(store) in ([after] if error is None else [before, after])
    assert error is None or isinstance(error, TransientStoreError)
    store.commit([document("a", 2), remove("b"), document("c", 1)])
    assert seen(store) == after
    store.compact()
    assert seen(store) == after
    assert store.holdings().n_ended == 0


class HistoryChecks(Imitated):
    """Random histories of requests that are dropped, answered too late, or done by half."""

    n_histories: ClassVar[int] = scaled(40)

    def faults(self) -> list[Fault]:
        return [loopback.dropped, loopback.answer_lost, *self.loud]

    def begin(self, rng: random.Random) -> None:
        """Lets things go wrong from now on."""
        self.stores.server.plan({i: rng.choice(self.faults()) for i in range(80) if rng.random() < 0.2})

    def end(self) -> None:
        """All is well again."""
        self.stores.server.plan({})

    def test_histories_of_faults_lose_and_double_nothing(self) -> None:
        """Random scripts: what returned is there, what failed is there or not."""
        rng = random.Random(20)
        for _ in range(self.n_histories):
            store, held = self.store_here(attempts=2), dict[str, Change]()
            for version in range(6):
                names = rng.sample("abcdef", 3)
                changes = [remove(n) if rng.random() < 0.2 else document(n, version) for n in names]
                self.begin(rng)
                wanted = {**held, **{c.state.document_id: c for c in changes}}
                try:
                    store.commit(changes)
                    options = [wanted]
                except TransientStoreError:
                    options = [held, wanted]
                self.end()
                there = seen(store)
                held = next(option for option in reversed(options) if texts_of(*option.values()) == there)


class FaultChecks(HistoryChecks):
    """Nothing is lost, nothing is there twice, whatever goes wrong and wherever."""

    every_fault: ClassVar[bool] = IS_FULL  # at each place of a commit, or two of them
    n_ingested: ClassVar[int] = scaled(40)
    writers: ClassVar[str] = "abcd"

    def test_what_passes_is_made_again(self) -> None:
        store = self.store_here()
        for n, fault in enumerate(self.faults()):
            store.commit([document("a", n), document("b", n)])
            self.stores.server.plan(dict.fromkeys(range(0, 60, 2), fault))
            store.commit([document("a", n + 50), document(f"c{n}", 1), quarantine("q")])
            self.stores.server.plan({})
        last = len(self.faults()) - 1
        others = [document(f"c{n}", 1) for n in range(last + 1)]
        assert seen(store) == texts_of(document("a", last + 50), document("b", last), *others)
        assert store.head() == 2 * (last + 1)

    @pytest.mark.parametrize("place", range(8))
    def test_a_commit_that_fails_anywhere_is_whole_or_not_there(self, place: int) -> None:
        """After its lease ended or not: the next one settles what was left."""
        for fault in self.faults() if self.every_fault else random.Random(place).sample(self.faults(), 2):
            store = self.store_here(attempts=1)
            store.commit([document("a", 1), document("b", 1)])
            whole_or_not_there(store, self.stores.server.plan, {place: fault})

    def test_a_commit_of_which_a_last_request_is_lost_is_there_or_told_of(self) -> None:
        """One of them moves the pointer, after more or fewer that write passages."""
        first = [document("a", 1), document("b", 1)]
        then = [document("a", 2), remove("b"), document("c", 1)]
        before, after = texts_of(*first), texts_of(*then)
        usual, n_told = self.store_here(), 0
        usual.commit(first)
        self.stores.server.plan({})
        usual.commit(then)
        n_requests = self.stores.server.n_writes
        for place in range(n_requests - 4, n_requests):
            store = self.store_here(attempts=1)
            store.commit(first)
            self.stores.server.plan({place: loopback.dropped})
            possible = [after]
            try:
                store.commit(then)
            except TransientStoreError:
                n_told, possible = n_told + 1, [before, after]
            self.stores.server.plan({})
            assert seen(store) in possible
        assert n_told

    def test_an_answer_that_comes_too_late_is_waited_for_once(self) -> None:
        store = self.store(timeout_s=1)
        self.stores.server.plan({2: loopback.answer_late})
        assert store.commit([document("a", 1)]) == 1
        assert seen(store) == texts_of(document("a", 1))

    def test_any_request_may_fail_reading_ones_too(self) -> None:
        store, rng, usual = self.store_here(attempts=8), random.Random(7), self.stores.service.answer

        def shaky(request: Any) -> Any:
            if rng.random() < 0.2:
                return rng.choice(self.loud)(request, lambda: None)
            return usual(request)

        self.stores.service.answer = shaky
        for version in range(2):
            store.commit([document("a", version), document("b", version)])
        assert seen(store) == texts_of(document("a", 1), document("b", 1))

    def test_a_server_that_is_killed_and_started_again_in_mid_ingest(self) -> None:
        """Documents are kept, as a real server keeps what it acknowledged; connections are not."""
        store, rng, done = self.store(attempts=12), random.Random(3), threading.Event()

        def kill() -> None:
            while not done.wait(rng.uniform(0.05, 0.2)):
                self.stores.server.stop()
                self.forgotten()
                done.wait(0.03)
                self.stores.server.start()

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            for version in range(self.n_ingested):
                store.commit([document(name, version) for name in "abc"])
        finally:
            done.set()
            killer.join()
        assert seen(store) == texts_of(*(document(name, self.n_ingested - 1) for name in "abc"))

    def forgotten(self) -> None:
        """What a server does not know any more once it was killed."""

    def test_threads_of_one_store_write_in_turn_and_read_meanwhile(self) -> None:
        store = self.store()
        with ThreadPoolExecutor(8) as pool:
            written = [pool.submit(store.commit, [document(name, 1)]) for name in self.writers]
            read = [pool.submit(n_seen_at_head, store) for _ in range(2 * len(self.writers))]
            assert sorted(future.result() for future in written) == list(range(1, len(self.writers) + 1))
            assert all(future.result() % 3 == 0 for future in read)
        assert seen(store) == texts_of(*(document(name, 1) for name in self.writers))

    # --- two writers ------------------------------------------------------------------------------

    def test_a_second_writer_is_told_who_writes(self) -> None:
        store = self.store_here()
        other = self.beside(store)
        with store.writing():
            with pytest.raises(TransientStoreError, match=r"process \d+ on .* is writing.*lease ends"):
                other.commit([document("a", 1)])
            assert other.head() == 0
        assert other.commit([document("a", 1)]) == 1

    first_write: ClassVar[int] = 2  # of a commit, after the lease and the intent

    @pytest.mark.parametrize("place", range(4))
    def test_a_writer_that_slept_through_its_lease_cannot_move_the_pointer(self, place: int) -> None:
        """And what it wrote before, and what arrives of it later, is as if unwritten."""
        store = self.store_here()
        store.commit([document("a", 1), document("b", 1)])
        other, late = self.beside(store), list[Any]()

        def overtaken(request: Any, usual: Any) -> Any:
            """Another writer takes over and commits first; the request arrives after that, twice."""
            self.stores.server.plan({})
            heads.change(other._server, {"expires_ms": 0}, owner=store._lease.owner)
            assert other.commit([document("a", 7), document("c", 1)]) == 3
            late.append(usual)
            return usual()

        self.stores.server.plan({self.first_write + place: overtaken})
        with pytest.raises(TransientStoreError, match=r"another one took over. Nothing of this commit is to"):
            store.commit([document("a", 2), remove("b")])
        expected = texts_of(document("a", 7), document("b", 1), document("c", 1))
        assert seen(other) == expected
        with contextlib.suppress(loopback.Refusal):
            late[0]()
        other._server.settle()
        assert seen(other) == expected
        other.commit([document("a", 3)])
        other.compact()
        assert seen(other) == texts_of(document("a", 3), document("b", 1), document("c", 1))

    def test_a_reader_whose_commit_is_collected_meanwhile_is_told(self) -> None:
        store = self.store_here()
        store.commit([document("a", 1)])
        other, usual, is_first = self.beside(store), self.stores.service.answer, True

        def collected(request: Any) -> Any:
            nonlocal is_first
            if is_first and self.is_search(request):
                is_first = False
                other.commit([document("a", 2)])
                other.compact()
            return usual(request)

        self.stores.service.answer = collected
        with pytest.raises(StoreError, match=r"commit 1 is not kept any more.*the current commit is 2"):
            store.search(vector_of("x")[None], 5, Scope(commit=1))

    def is_search(self, request: Any) -> bool:
        """Whether a request searches by vector."""
        raise NotImplementedError
