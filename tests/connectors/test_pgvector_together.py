"""Several processes and threads that read, write and make one index."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from ragkit.errors import RagkitError, StoreError
from ragkit.protocols import Scope
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, OPEN, spec_of
from ragkit_connectors.pgvector import PgvectorStore
from tests.connectors.pgvector_server import Stores


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


def test_another_process_sees_a_commit_at_its_next_call_and_pins_its_own(stores: Stores) -> None:
    one = stores.make(spec_of())
    two = stores.make(spec_of(), name=one.config.name)
    one.commit([put("a", [("old", EAST)])])
    with two.hold() as commit:
        one.commit([put("a", [("new", EAST)])])
        assert one.compact().n_held > 0
        hits = two.search(EAST[None], 5, Scope(commit=commit))[0].id_list()
        assert [c.text for c in two.fetch(hits, Scope(commit=commit)) if c] == ["old"]
    assert one.compact().n_held == 0
    with pytest.raises(StoreError, match=r"commit 1 is not kept any more.*hold it: PgvectorStore\.hold"):
        two.search(EAST[None], 5, Scope(commit=commit))


def test_readers_never_see_half_a_commit(stores: Stores) -> None:
    store = stores.make(spec_of(), pool_size=4)
    store.commit([put(name, [("v0", EAST)]) for name in "abc"])
    seen, errors, done = set[tuple[str, ...]](), list[RagkitError](), threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                with store.hold() as commit:
                    scope = Scope(commit=commit)
                    hits = store.search(EAST[None], 10, scope)[0].id_list()
                    seen.add(tuple(sorted({c.text for c in store.fetch(hits, scope) if c is not None})))
        except RagkitError as e:
            errors.append(e)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for version in range(1, 12):
        store.commit([put(name, [(f"v{version}", EAST)]) for name in "abc"])
        store.compact()
    done.set()
    for reader in readers:
        reader.join()
    assert errors == []
    assert all(len(texts) == 1 for texts in seen)


def test_a_child_that_was_forked_reads_on_connections_of_its_own(stores: Stores) -> None:
    store = stores.make(spec_of())
    store.commit([put("a", [("one", EAST)])])
    assert len(store.search(EAST[None], 1, OPEN)[0]) == 1
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if len(store.search(EAST[None], 1, OPEN)[0]) == 1 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(store.search(EAST[None], 1, OPEN)[0]) == 1


def test_two_that_make_the_same_index_at_once_make_one(stores: Stores) -> None:
    first = stores.unopened()
    others = [stores.unopened(name=first.config.name) for _ in range(3)]
    errors: list[BaseException] = []

    def open_it(store: PgvectorStore) -> None:
        try:
            store.open(spec_of())
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=open_it, args=(store,)) for store in (first, *others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert first.commit([put("a", [("one", EAST)])]) == others[0].head() == 1
