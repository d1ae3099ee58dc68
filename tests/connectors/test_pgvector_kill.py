"""The server is killed while documents are ingested: nothing is lost, nothing is there twice."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ragkit.errors import StoreError, TransientStoreError
from ragkit.protocols import Change, Scope
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put, quarantine, remove
from ragkit_connectors.pgvector import PgvectorStore, silence
from tests.connectors.pgvector_server import Server
from tests.crash.checking import matched
from tests.crash.ledger import Ledger, Notes
from tests.crash.workloads import COMMON, DIMENSION, vector_of
from tests.scale import scaled

psycopg = pytest.importorskip("psycopg", reason="needs the extra pgvector")

SEED = 20
KILLS = scaled(60)
SPEC = StoreSpec("hash", embedder_fingerprint="hash/1", dimension=DIMENSION)


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """One that nobody else uses."""
    started = Server()
    yield started
    started.stop()


class Noted:
    """Commits to a store and notes each before it begins and after it returned."""

    def __init__(self, store: PgvectorStore, notes: Notes) -> None:
        self.store, self.notes = store, notes

    def commit(self, changes: Iterable[Change]) -> None:
        listed = list(changes)
        self.notes.begun(listed)
        self.notes(done=self.store.commit(listed))


def document(name: str, version: int) -> Change:
    texts = [f"{COMMON} {name} version {version} part {i}" for i in range(3)]
    return put(name, [(text, vector_of(text)) for text in texts])


def batches(rng: random.Random, n: int) -> Iterator[list[Change]]:
    """Commits that write, replace, remove and quarantine."""
    for version in range(n):
        names = rng.sample([f"d{i}" for i in range(30)], 6)
        kinds = [rng.choice("pppprq") for _ in names]
        yield [
            document(name, version) if kind == "p" else remove(name) if kind == "r" else quarantine(name)
            for name, kind in zip(names, kinds, strict=True)
        ]


def test_killed_at_any_moment_it_holds_what_was_acknowledged(own_server: Server, tmp_path: Path) -> None:
    rng = random.Random(SEED)
    store = PgvectorStore(dsn=own_server.dsn(), name="killed", connect_timeout_s=5).open(SPEC)
    path = tmp_path / "ledger"
    n_interrupted = 0
    for _ in range(KILLS):
        noted, errors = Noted(store, Notes(path)), list[Exception]()

        def work(noted: Noted = noted, errors: list[Exception] = errors) -> None:
            try:
                with noted.store.writing():
                    for changes in batches(random.Random(rng.random()), 500):
                        noted.commit(changes)
            except StoreError as e:
                errors.append(e)

        writer = threading.Thread(target=work)
        writer.start()
        time.sleep(rng.uniform(0.2, 1.0))
        own_server.kill()
        writer.join(60)
        assert not writer.is_alive()
        assert [type(error) for error in errors] == [TransientStoreError]
        with pytest.raises(TransientStoreError):
            store.head()
        own_server.restart()
        ledger = Ledger.read(path)
        n_interrupted += ledger.in_flight is not None
        there: Any = matched(store, ledger)  # type: ignore[arg-type]
        # From here on what is there is what must be there.
        path.write_text("")
        _note_all(Notes(path), store)
        assert dict(there) == dict(Ledger.read(path).acknowledged)
    assert n_interrupted > 0
    assert store.verify() == []
    store.close()


def _note_all(notes: Notes, store: PgvectorStore) -> None:
    """Notes the content of a store as one commit."""
    changes = []
    for state in store.states():
        source = store.source("", state.document_id)
        texts = source.text.split("\n") if source is not None else []
        if source is not None:
            changes.append(put(state.document_id, [(text, vector_of(text)) for text in texts]))
    notes.begun(changes)
    notes(done=0)
    bad = [quarantine(state.document_id) for state in store.quarantined()]
    notes.begun(bad)
    notes(done=0)


def test_a_frozen_server_is_given_up_and_asked_again_later(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connections stay, and its own limits of time stand still."""
    monkeypatch.setattr(silence, "GRACE_S", 0.2)
    given: dict[str, Any] = {"statement_timeout_s": 0.3, "connect_timeout_s": 2, "name": "frozen"}
    store = PgvectorStore(dsn=own_server.dsn(), **given).open(SPEC)
    vector = vector_of("a")[None]
    store.commit([document("a", 1)])
    store.search(vector, 1, Scope())

    def late(call: Callable[[], object]) -> float:
        start = time.monotonic()
        with pytest.raises(TransientStoreError, match=r"no word from it for 0\.5 s|timeout.*Check that the"):
            call()
        return time.monotonic() - start

    with store.writing():
        with own_server.frozen():
            taken = [late(lambda: store.search(vector, 1, Scope())), late(store.head)]
            taken.append(late(lambda: store.commit([document("a", 2)])))
        assert max(taken) < 10, "the deadline, a new connection, and a busy machine"
    assert store.head() == 1
    assert store.commit([document("a", 2)]) == 2
    assert len(store.search(vector, 1, Scope())[0]) == 1
    store.close()


def test_a_commit_that_was_done_and_not_reported_is_known(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection dies between the server's commit and its word on it."""

    store = PgvectorStore(dsn=own_server.dsn(), name="unreported").open(SPEC)
    store.commit([document("a", 1)])
    plain = psycopg.Connection.transaction

    def cut(self: Any, *args: Any, **options: Any) -> Any:
        @contextmanager
        def block() -> Iterator[None]:
            with plain(self, *args, **options):
                yield
            self.close()
            raise psycopg.OperationalError("the connection is lost")

        return block()

    monkeypatch.setattr(psycopg.Connection, "transaction", cut)
    assert store.commit([document("a", 2)]) == 2
    monkeypatch.undo()
    assert store.head() == 2
    assert store.counts().documents == 1
    store.close()
