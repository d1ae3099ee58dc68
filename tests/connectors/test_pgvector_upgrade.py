"""An index of an older format is brought to this one when its owner opens it, and keeps all that is in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ragkit.errors import RagkitError, StoreError, TransientStoreError
from ragkit.protocols import Change, Scope
from ragkit.testing.data import put, quarantine, remove
from ragkit.testing.stores import EAST, NORTH, spec_of
from ragkit_connectors.pgvector import PgvectorStore
from tests.connectors.pgvector_server import Stores, server

FORMAT_2 = (Path(__file__).parent / "pgvector_format_2.sql").read_text()
SPEC = spec_of(tenant="keyword!")
T = Scope("t")


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


def changes() -> list[Change]:
    words = [("one two", EAST), ("two three", NORTH)]
    return [put("a", words, tenant="t", metadata={"lang": "ru"}), put("b", [("four", EAST)], tenant="u")]


def older(stores: Stores, *, owner: str = "postgres", tenancy: str = "filter") -> PgvectorStore:
    """An index of format 2 that was written to, as it lies in the database; and nobody has opened it."""
    dsn = server().dsn(user=owner)
    newer = stores.make(SPEC, dsn=dsn, tenancy=tenancy)
    newer.commit([*changes(), put("gone", [("x", EAST)], tenant="t"), quarantine("bad", tenant="t")])
    newer.commit([remove("gone", tenant="t")])
    store, filled = stores.unopened(dsn=dsn, tenancy=tenancy), newer.config.name
    with server().connect("rag", user=owner) as connection:
        connection.execute(f"CREATE SCHEMA {store.config.name}")
        connection.execute(f"SET search_path = {store.config.name}, public")
        connection.execute("SELECT set_config('ragkit.tenant', '*', false)")
        connection.execute(FORMAT_2)
        connection.execute(f"INSERT INTO meta SELECT * FROM {filled}.meta WHERE key = 'spec'")
        columns = connection.execute(
            "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
            "WHERE attrelid = 'chunks'::regclass AND attnum > 0"
        ).fetchone()
        assert columns is not None
        connection.execute(f"INSERT INTO chunks SELECT {columns[0]} FROM {filled}.chunks")
        connection.execute("DELETE FROM head")
        for table in ("head", "sources", "documents", "postings"):
            connection.execute(f"INSERT INTO {table} SELECT * FROM {filled}.{table}")
    newer.close()
    return store


def state(store: PgvectorStore) -> tuple[str, bool]:
    """The recorded format, and whether there is a column for what a reranker read."""
    with server().connect("rag") as connection:
        connection.execute(f"SET search_path = {store.config.name}")
        row = connection.execute(
            "SELECT value, EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'chunks'::regclass "
            "AND attname = 'reading' AND attstattarget = 0 AND attstorage = 'e') "
            "FROM meta WHERE key = 'format'"
        ).fetchone()
    assert row is not None
    return row[0], row[1]


@pytest.mark.parametrize("tenancy", ["filter", "rls"])
def test_opening_it_keeps_everything_and_makes_room_for_readings(stores: Stores, tenancy: str) -> None:
    store = older(stores, owner="bound", tenancy=tenancy)
    assert state(store) == ("2", False)
    store.open(SPEC, create=False)
    assert state(store) == ("3", True)
    assert store.verify() == []
    hits = store.search(EAST[None], 5, T)[0].id_list()
    found = store.fetch(hits, T)
    assert [chunk.text for chunk in found if chunk is not None] == ["one two", "two three"]
    assert len(store.search_terms([["two"]], 5, T)[0]) == 2
    assert len(store.search(EAST[None], 5, Scope("t", commit=1))[0]) == 3
    assert [s.document_id for s in store.quarantined()] == ["bad"]
    assert store.readings(hits, T) == [None, None]
    (again, _) = changes()
    again = replace(again, records=tuple(replace(r, reading=b"read") for r in again.records))
    assert store.commit([again]) == 3
    assert store.readings(store.search(EAST[None], 5, T)[0].id_list(), T) == [b"read", b"read"]
    assert store.compact().n_collected
    assert store.verify() == []


def test_a_role_that_may_not_change_it_is_told_who_may(stores: Stores) -> None:
    store = older(stores)
    name = store.config.name
    with server().connect("rag") as connection:
        connection.execute(f"GRANT USAGE ON SCHEMA {name} TO reader")
        connection.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {name} TO reader")
    dsns = (server().dsn(user="reader"), server().dsn() + " options='-c default_transaction_read_only=on'")
    for dsn in dsns:
        with pytest.raises(StoreError, match=r"older ragkit made it \(format version 2, expected 3\).*owner"):
            stores.make(SPEC, name=name, dsn=dsn)
    assert state(store) == ("2", False)
    store.open(SPEC)
    assert len(stores.make(SPEC, name=name, dsn=dsns[0]).search(EAST[None], 5, T)[0]) == 2


def test_a_reader_that_is_in_the_way_is_waited_for(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_PATIENCE_MS", 50), ("_PAUSE_S", 0.0), ("_TRIES", 2)):
        monkeypatch.setattr(f"ragkit_connectors.pgvector.patience.{name}", value)
    store = older(stores)
    with server().connect("rag") as reader, reader.transaction():
        reader.execute(f"SELECT count(*) FROM {store.config.name}.chunks")
        with pytest.raises(TransientStoreError, match="holds a lock"):
            store.open(SPEC)
    assert state(store) == ("2", False)
    assert store.open(SPEC).counts().chunks == 3


def test_of_several_that_open_it_at_once_one_does_it(stores: Stores) -> None:
    first = older(stores)
    others = [stores.unopened(name=first.config.name) for _ in range(3)]
    errors: list[RagkitError] = []

    def open_it(store: PgvectorStore) -> None:
        try:
            store.open(SPEC)
        except RagkitError as e:
            errors.append(e)

    threads = [threading.Thread(target=open_it, args=(store,)) for store in (first, *others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert state(first) == ("3", True)
    assert first.verify() == []
