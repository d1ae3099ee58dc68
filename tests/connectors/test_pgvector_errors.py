"""What can be wrong with a server, a role or a schema: one typed error each, with what mends it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ragkit.errors import ConfigError, CorruptIndexError, StoreError, TransientStoreError
from ragkit.testing.data import put
from ragkit.testing.stores import EAST, OPEN, spec_of
from ragkit_connectors.pgvector import PgvectorStore, schema
from ragkit_connectors.pgvector.connecting import target_of
from ragkit_connectors.pgvector.database import Database
from ragkit_connectors.pgvector.errors import explain
from tests.connectors.pgvector_server import Stores, server

psycopg = pytest.importorskip("psycopg", reason="needs the extra pgvector")

SPEC = spec_of()


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


def sql(statement: str, store: PgvectorStore | None = None, user: str = "postgres") -> None:
    with server().connect("rag", user) as connection:
        if store is not None:
            connection.execute(f"SET search_path = {store.config.name}")
        connection.execute(statement)


# --- the connection string --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dsn", ["", "postgres//bob:open-sesame@db/rag", "postgresql://bob:open-sesame@db:x y/rag", "a\0b"]
)
def test_what_is_no_connection_string_is_not_shown(stores: Stores, dsn: str) -> None:
    with pytest.raises(ConfigError, match=r"dsn: not a connection string.*Expected postgresql://") as caught:
        stores.make(SPEC, dsn=dsn)
    error: BaseException | None = caught.value
    while error is not None:
        assert "open-sesame" not in f"{error}{error!r}"
        error = error.__cause__


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://rag:open/sesame@db/rag",
        "postgresql://rag:open@sesame@db:5432/rag",
        "postgresql://rag:12/sesame@db/rag",
        "postgresql://rag:sesame",
        "postgres://rag@corp:sesame@db/rag",
        "host=db port=sesame dbname=rag",
    ],
)
def test_a_password_that_is_not_percent_encoded_is_refused_and_not_shown(stores: Stores, dsn: str) -> None:
    with pytest.raises(ConfigError, match=r"percent-encode the password: %40 for @") as caught:
        stores.make(SPEC, dsn=dsn)
    assert "sesame" not in f"{caught.value}{caught.value!r}{caught.value.__cause__}"


def test_what_is_encoded_is_taken_as_it_is() -> None:
    for dsn, host in (
        ("postgresql://rag:pa%2Fss%40@db:5432/rag", "db:5432"),
        ("postgresql://rag:x@one:5432,two:5433/rag", "one,two:5432,5433"),
        ("host=db dbname=rag password=a@b/c", "db"),
    ):
        target = target_of(PgvectorStore(dsn=dsn).config)
        assert target.where == f"postgresql {host}/rag, schema ragkit"


def test_no_password_of_a_key_is_shown() -> None:
    target = target_of(PgvectorStore(dsn="postgresql://rag:one@db/rag?sslpassword=twofold").config)
    assert target.hidden == ("one", "twofold")
    said = str(explain(psycopg.OperationalError("bad twofold of one"), target.where, target.hidden))
    assert "twofold" not in said
    assert "of one" not in said


def test_a_wrong_password_is_said_and_not_shown(stores: Stores) -> None:
    hba = Path(server().folder, "data", "pg_hba.conf")
    before = hba.read_text()
    hba.write_text(f"local all locked scram-sha-256\n{before}")
    try:
        sql("SELECT pg_reload_conf()")
        time.sleep(0.3)
        with pytest.raises(StoreError, match=r"refuses this user or password. Check them") as caught:
            stores.make(SPEC, dsn=server().dsn(user="locked", password="not-sesame"))
        assert "not-sesame" not in f"{caught.value}{caught.value.__cause__}"
    finally:
        hba.write_text(before)
        sql("SELECT pg_reload_conf()")


def test_no_setting_shows_the_connection_string(stores: Stores) -> None:
    store = stores.unopened(dsn="postgresql://bob:open-sesame@db/rag")
    assert "sesame" not in f"{store.config!r}{store.config}{store.config.model_dump_json()}"


def test_a_database_that_is_not_there(stores: Stores) -> None:
    with pytest.raises(StoreError, match=r"there is no such database. Create it"):
        stores.make(SPEC, dsn=server().dsn("nowhere"))


@pytest.mark.parametrize("name", ["", "Rag", "rag; DROP", "pg_rag", "1rag", "r" * 49, 'a"b', "public.x"])
def test_a_name_that_is_no_plain_one_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="store/pgvector: name: expected a name of small letters"):
        PgvectorStore(dsn="postgresql://rag@db/rag", name=name)


# --- the server -------------------------------------------------------------------------------------


def test_a_server_that_is_too_old(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "OLDEST_SERVER", 990_000)
    with pytest.raises(StoreError, match=r"PostgreSQL \d+, and store/pgvector needs 14 or newer. Upgrade"):
        stores.make(SPEC)


def test_a_pgvector_that_is_too_old(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "OLDEST_VECTOR", (99, 0))
    with pytest.raises(StoreError, match=r"pgvector 0\.\d+, and .* ALTER EXTENSION vector UPDATE"):
        stores.make(SPEC)


def test_without_the_extension_an_administrator_is_asked_for(stores: Stores) -> None:
    with server().connect() as connection:
        connection.execute("CREATE DATABASE bare ENCODING 'UTF8' TEMPLATE template0")
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StoreError, match=r"this role may not create it.*CREATE EXTENSION vector"):
        stores.make(SPEC, dsn=server().dsn("bare", "bound"))
    with pytest.raises(StoreError, match="the database's encoding is LATIN1, and an index needs UTF8"):
        stores.make(SPEC, dsn=server().dsn("latin"))
    assert stores.make(SPEC, dsn=server().dsn("bare")).head() == 0  # a superuser may create it
    stores.opened[-1].close()


# --- the role ---------------------------------------------------------------------------------------


def test_a_role_that_may_not_make_a_schema(stores: Stores) -> None:
    with pytest.raises(StoreError, match=r"may not make the schema or its tables.*AUTHORIZATION"):
        stores.make(SPEC, dsn=server().dsn(user="reader"))


def test_a_role_that_may_read_reads_and_is_told_what_writing_needs(stores: Stores) -> None:
    owner = stores.make(SPEC)
    owner.commit([put("a", [("one", EAST)])])
    name = owner.config.name
    sql(f"GRANT USAGE ON SCHEMA {name} TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO reader")
    reader = stores.make(SPEC, name=name, dsn=server().dsn(user="reader"))
    assert len(reader.search(EAST[None], 1, OPEN)[0]) == 1
    with reader.hold() as commit:
        assert commit == 1
    with pytest.raises(StoreError, match=r"this role lacks a right.*writing INSERT"):
        reader.commit([put("b", [("two", EAST)])])
    assert owner.head() == 1


def test_a_read_only_database_is_said(stores: Stores) -> None:
    store = stores.make(SPEC)
    options = " options='-c default_transaction_read_only=on'"
    reader = stores.make(SPEC, name=store.config.name, dsn=server().dsn() + options)
    with pytest.raises(StoreError, match="the database is read-only here: a replica, or a role"):
        reader.commit([put("b", [("two", EAST)])])
    with pytest.raises(StoreError, match="there is no index here, and the database is read-only"):
        stores.make(SPEC, dsn=server().dsn() + options)


# --- what lies in the schema ------------------------------------------------------------------------


def test_an_index_of_something_else_is_refused(stores: Stores) -> None:
    store = stores.make(SPEC)
    for spec, what in (
        (replace(SPEC, dimension=3, embedder_fingerprint="other"), "the embedding model"),
        (replace(SPEC, analyzer_fingerprint="other"), "the analyzer"),
        (spec_of(tenant="keyword!"), "fields.tenant"),
    ):
        with pytest.raises(ConfigError, match=what):
            stores.make(spec, name=store.config.name)


def test_tables_of_somebody_else_are_left_alone(stores: Stores) -> None:
    store = stores.unopened()
    sql(f"CREATE SCHEMA {store.config.name}; CREATE TABLE {store.config.name}.invoices (id int)")
    with pytest.raises(StoreError, match=r"holds other tables \(invoices\) and no ragkit index"):
        store.open(SPEC)
    sql(f"CREATE TABLE {store.config.name}.meta (id int); CREATE TABLE {store.config.name}.head (id int)")
    with pytest.raises(StoreError, match="the table meta was made by something else"):
        store.open(SPEC)


def test_an_empty_schema_made_by_an_administrator_is_used(stores: Stores) -> None:
    store = stores.unopened(dsn=server().dsn(user="reader"))
    sql(f"CREATE SCHEMA {store.config.name} AUTHORIZATION reader")
    assert store.open(SPEC).commit([put("a", [("one", EAST)])]) == 1


def test_no_index_and_none_may_be_made(stores: Stores) -> None:
    with pytest.raises(StoreError, match=r"no index here. Make one: ragkit ingest"):
        stores.unopened().open(SPEC, create=False)


def test_another_format_and_a_lost_table(stores: Stores) -> None:
    store = stores.make(SPEC)
    sql("UPDATE meta SET value = '99' WHERE key = 'format'", store)
    with pytest.raises(ConfigError, match="format version 99, and this ragkit reads version 3"):
        stores.make(SPEC, name=store.config.name)
    sql("DROP TABLE postings", store)
    with pytest.raises(CorruptIndexError, match="a table of the index is gone"):
        store.search_terms([["one"]], 1, OPEN)
    with pytest.raises(CorruptIndexError, match=r"the tables postings are gone. Restore"):
        stores.make(SPEC, name=store.config.name)


# --- in use -----------------------------------------------------------------------------------------


def test_a_dropped_connection_is_transient_and_the_next_call_goes_through(stores: Stores) -> None:
    store = stores.make(SPEC)
    store.commit([put("a", [("one", EAST)])])
    assert store.head() == 1
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ragkit'")
    with pytest.raises(TransientStoreError, match="Try again"):
        store.head()
    assert store.head() == 1


def test_a_writer_that_lost_its_connection_wrote_nothing(stores: Stores) -> None:
    store = stores.make(SPEC)
    with store.writing():
        sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ragkit'")
        with pytest.raises(TransientStoreError):
            store.commit([put("a", [("one", EAST)])])
        with pytest.raises(StoreError, match=r"right to write was lost, and another process may") as caught:
            store.commit([put("a", [("one", EAST)])])
        assert not isinstance(caught.value, TransientStoreError)
        assert stores.make(SPEC, name=store.config.name).commit([put("b", [("two", EAST)])]) == 1
    assert store.commit([put("a", [("one", EAST)])]) == 2


def test_a_schema_that_was_dropped_is_no_other_writer(stores: Stores) -> None:
    store = stores.make(SPEC)
    sql(f"DROP SCHEMA {store.config.name} CASCADE")
    with pytest.raises(CorruptIndexError, match=r"the index's schema is gone. Restore it from a backup"):
        store.commit([put("a", [("one", EAST)])])


def test_a_statement_that_takes_too_long_is_transient(stores: Stores) -> None:
    store = stores.make(SPEC, statement_timeout_s=0.2)
    with (
        pytest.raises(TransientStoreError, match="longer than statement_timeout_s"),
        store._database.reading() as r,
    ):
        r.rows("SELECT pg_sleep(5)")


def test_without_the_extension_no_session_is_used(stores: Stores) -> None:
    with server().connect() as connection:
        connection.execute("CREATE DATABASE emptied ENCODING 'UTF8' TEMPLATE template0")
    store = stores.make(SPEC, dsn=server().dsn("emptied"), connect_timeout_s=1)
    with server().connect("emptied") as connection:
        connection.execute("DROP EXTENSION vector CASCADE")
    for ask in (store.head, store.engine, lambda: store.commit([put("a", [("one", EAST)])])):
        with pytest.raises(StoreError, match=r"the extension vector is not in this database. Let an admin"):
            ask()
    store.close()


@pytest.mark.parametrize(("seconds", "said"), [(0.0, "0"), (0.0004, "1ms"), (0.2, "200ms")])
def test_a_short_limit_is_not_none(stores: Stores, seconds: float, said: str) -> None:
    database = Database(stores.unopened(statement_timeout_s=seconds).config)
    with database.own() as connection:
        try:
            (shown,) = connection.execute("SHOW statement_timeout").fetchone() or ("",)
        except psycopg.errors.QueryCanceled:
            shown = "1ms"  # which this machine was too slow for
    assert shown == said


def test_a_transaction_that_was_idle_too_long_is_transient() -> None:
    error = psycopg.errors.IdleInTransactionSessionTimeout("terminating connection")
    assert isinstance(explain(error, "here"), TransientStoreError)


def test_a_second_writer_is_refused_and_told_who_writes(stores: Stores) -> None:
    one = stores.make(SPEC)
    two = stores.make(SPEC, name=one.config.name)
    with one.writing(), one.writing():
        with pytest.raises(TransientStoreError, match=r"ragkit of postgres at .* is writing to this index"):
            two.commit([put("a", [("one", EAST)])])
        assert one.commit([put("a", [("one", EAST)])]) == 1
    assert two.commit([put("b", [("two", EAST)])]) == 2


@pytest.mark.parametrize("index", ["hnsw", "ivfflat"])
def test_an_index_that_pgvector_cannot_build_is_refused(stores: Stores, index: str) -> None:
    wide: Any = replace(SPEC, dimension=3000)
    with pytest.raises(ConfigError, match=r"vectors of at most 2,000 numbers.*or halfvec: true"):
        stores.make(wide, index=index)


def test_half_precision_needs_a_pgvector_that_has_it(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "version_of_vector", lambda connection: (0, 6))
    with pytest.raises(ConfigError, match=r"halfvec: true needs pgvector 0\.7 or newer, .* has 0\.6"):
        stores.make(SPEC, index="hnsw", halfvec=True)
