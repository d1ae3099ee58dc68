"""What is held and remembered between calls, over forks, lost connections, dropped schemas and threads."""

from __future__ import annotations

import gc
import os
import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from ragkit.errors import StoreError, TransientStoreError
from ragkit.protocols import Scope
from ragkit.testing.data import put
from ragkit.testing.oracle import OracleStore
from ragkit.testing.stores import EAST, OPEN, spec_of
from ragkit_connectors.pgvector.database import Database
from tests.connectors.pgvector_server import Stores, change_sql


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


@pytest.mark.parametrize("is_used", [True, False], ids=["used", "dropped"])
def test_a_child_that_was_forked_leaves_what_its_parent_holds(stores: Stores, is_used: bool) -> None:
    store = stores.make(spec_of())
    store.commit([put("a", [("one", EAST)])])

    def sessions() -> list[tuple[int]]:
        return change_sql(
            store,
            "SELECT DISTINCT pid FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE locktype = 'advisory' AND application_name = 'ragkit' ORDER BY pid",
        )

    with store.writing(), store.hold():
        before = sessions()
        assert len(before) == 2
        child = os.fork()
        if child == 0:
            code = 1
            try:
                if is_used:
                    with store.hold():
                        pass
                    try:
                        store.commit([put("b", [("two", EAST)])])
                    except TransientStoreError:  # its parent is writing
                        code = 0
                else:
                    store._lock._held, store._leases._stack = ExitStack(), ExitStack()
                    gc.collect()
                    code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert sessions() == before
        assert store.commit([put("b", [("two", EAST)])]) == 2


def test_threads_that_learn_and_forget_terms_rank_as_one_does(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragkit_connectors.pgvector.sparse._TERMS", 2)
    store = stores.make(spec_of())
    words = [f"w{i}" for i in range(12)]
    store.commit([put(f"d{i}", [(" ".join(words[i:]), EAST)]) for i in range(len(words))])
    pairs = [[words[i], words[-1 - i]] for i in range(len(words))]
    expected = [store.search_terms([pair], 5, OPEN)[0].scores.tolist() for pair in pairs]
    errors: list[BaseException] = []

    def ask(seed: int) -> None:
        rng = random.Random(seed)
        try:
            for _ in range(40):
                i = rng.randrange(len(pairs))
                assert store.search_terms([pairs[i]], 5, OPEN)[0].scores.tolist() == expected[i]
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_nothing_is_remembered_of_an_index_that_was_dropped_and_made_anew(stores: Stores) -> None:
    store = stores.make(spec_of(), index="hnsw", exact_below=1)
    store.commit([put("a", [("one two", EAST)])])
    store.search_terms([["one"]], 5, OPEN)
    store.search(EAST[None], 5, Scope(commit=1))
    change_sql(store, f"DROP SCHEMA {store.config.name} CASCADE")
    anew = stores.make(spec_of(), name=store.config.name, index="hnsw", exact_below=1)
    anew.commit([put(f"d{i}", [(f"one {'x ' * i}", EAST)]) for i in range(9)])
    expected, found = (s.search_terms([["one"]], 5, OPEN)[0] for s in (anew, store))
    assert (found.id_list(), found.scores.tolist()) == (expected.id_list(), expected.scores.tolist())
    for scope in (OPEN, Scope(commit=1)):
        assert len(store.search(EAST[None], 5, scope)[0]) == 5
    with store._database.reading() as reading:
        token = reading.pointer.token
    assert store._dense._are_few[Scope(commit=1)] == (token, False)


def test_a_commit_is_held_although_a_connection_was_lost(stores: Stores) -> None:
    reader = stores.make(spec_of())
    writer = stores.make(spec_of(), name=reader.config.name)
    writer.commit([put("a", [("old", EAST)])])
    with reader.hold():
        leases = (
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 "
            f"AND classid = '{reader.config.name}'::regnamespace"
        )
        assert change_sql(reader, leases) == [(True,)]
        second = reader.hold()
        with second as commit:
            writer.commit([put("a", [("new", EAST)])])
            assert writer.compact().n_held > 0
            hits = reader.search(EAST[None], 5, Scope(commit=commit))[0].id_list()
            assert [c.text for c in reader.fetch(hits, Scope(commit=commit)) if c] == ["old"]
        assert writer.compact().n_held > 0  # the first holds it on
    assert writer.compact().n_held == 0


def test_terms_are_asked_for_in_as_few_trips_as_may_be(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips: list[str] = []
    for name in ("reading", "once"):
        usual = getattr(Database, name)

        def noted(self: Database, *given: Any, _usual: Any = usual, _name: str = name) -> Any:
            trips.append(_name)
            return _usual(self, *given)

        monkeypatch.setattr(Database, name, noted)
    store, other = (stores.make(spec_of(), name=f"trips_{os.getpid()}") for _ in range(2))
    store.commit([put("a", [("one two", EAST), ("two three", EAST)]), put("b", [("three", EAST)])])
    oracle = OracleStore(spec_of())
    oracle.commit([put("a", [("one two", EAST), ("two three", EAST)]), put("b", [("three", EAST)])])

    def asked(*queries: list[str]) -> list[str]:
        trips.clear()
        found = store.search_terms(queries, 5, scope)
        for batch, wanted in zip(found, oracle.search_terms(queries, 5, Scope()), strict=True):
            assert batch.id_list() == wanted.id_list()
            assert batch.scores.tolist() == pytest.approx(wanted.scores.tolist(), abs=1e-6)
        return list(trips)

    with store.hold() as commit:
        scope = Scope(commit=commit)
        assert asked(["two"]) == ["reading"]  # which learns how many chunks there are
        assert asked(["two"], ["nowhere", "three"], []) == ["once", "once"]
        assert asked(["two", "three"], ["three"], ["nowhere"]) == ["once"]
        assert asked(["nowhere"]) == ["reading"]
        other.commit([put("b", [("three three", EAST)])])
        assert asked(["three"]) == ["once", "reading"]  # for all that is told, another index
        assert asked(["three"]) == ["once"]
    other.commit([put("c", [("one", EAST)])])
    other.compact()
    with pytest.raises(StoreError, match="is not kept any more"):
        store.search_terms([["three"]], 5, scope)
