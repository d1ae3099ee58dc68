"""What is forgotten leaves the tables' files, and what the server sampled of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragkit.protocols import Scope
from ragkit.testing.data import put, remove
from ragkit.testing.stores import EAST, spec_of
from ragkit_connectors.pgvector import PgvectorStore
from tests.connectors.pgvector_server import Stores, change_sql, server


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


def test_what_is_forgotten_leaves_the_tables_files(stores: Stores) -> None:
    store = stores.make(spec_of())
    mark = b"qzforgottenqz"
    store.commit([put("a", [(mark.decode(), EAST)]), put("b", [("kept", EAST)])])
    change_sql(store, "CHECKPOINT")
    assert any(mark in data for data in _files(store))
    assert store.erase([remove("a")]).erased
    change_sql(store, "CHECKPOINT")
    assert not any(mark in data for data in _files(store))
    assert not store.holdings().to_erase


def test_what_a_transaction_of_somebody_else_may_see_is_erased_later(stores: Stores) -> None:
    store = stores.make(spec_of())
    store.commit([put("a", [("one", EAST)])])
    with server().connect("rag") as other:
        other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT 1")
        done = store.erase([remove("a")], wait_s=0.2)
        assert not done.erased
        assert store.holdings().to_erase
    assert store.compact(wait_s=5).erased
    assert not store.holdings().to_erase


def test_a_transaction_that_has_only_written_is_waited_for(stores: Stores) -> None:
    store = stores.make(spec_of())
    mark = b"qzstillthereqz"
    store.commit([put("a", [(mark.decode(), EAST)])])
    change_sql(store, f"CREATE TABLE public.notes_{store.config.name} (n int)")
    with server().connect("rag") as other:
        # Between statements of READ COMMITTED it has no snapshot, and yet nothing older is removed.
        other.execute("BEGIN")
        other.execute(f"INSERT INTO public.notes_{store.config.name} VALUES (1)")
        assert not store.erase([remove("a")], wait_s=0.2).erased
        assert store.holdings().to_erase
        other.execute("COMMIT")
    assert store.compact(wait_s=5).erased
    change_sql(store, "CHECKPOINT")
    assert not any(mark in data for data in _files(store))
    change_sql(store, f"DROP TABLE public.notes_{store.config.name}")


def test_a_transaction_of_another_database_is_waited_for(stores: Stores) -> None:
    store = stores.make(spec_of())
    store.commit([put("a", [("one", EAST)])])
    with server().connect("postgres") as other:
        other.execute("BEGIN")
        other.execute("SELECT pg_current_xact_id()")
        assert not store.erase([remove("a")], wait_s=0.2).erased
        other.execute("COMMIT")
    assert store.compact(wait_s=5).erased


def test_erased_is_what_the_server_did_and_not_what_was_expected(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stores.make(spec_of())
    store.commit([put("a", [("one", EAST)])])
    monkeypatch.setattr("ragkit_connectors.pgvector.compact._is_alone", lambda *_: True)
    with server().connect("rag") as other:
        other.execute("BEGIN")
        other.execute("SELECT pg_current_xact_id()")
        assert not store.erase([remove("a")], wait_s=5).erased
    assert store.compact(wait_s=5).erased


def sampled(store: PgvectorStore) -> dict[str, str]:
    rows = change_sql(
        store,
        "SELECT tablename || '.' || attname, concat(most_common_vals, histogram_bounds, most_common_elems) "
        "FROM pg_stats WHERE schemaname = current_schema()",
    )
    return {str(name): str(values) for name, values in rows}


def refilled(store: PgvectorStore, texts: str) -> None:
    store.commit(
        [
            put(f"d{i}", [(f"{texts} {j}", EAST) for j in range(3)], metadata={"lang": texts})
            for i in range(30)
        ]
    )
    change_sql(store, "ANALYZE sources; ANALYZE documents; ANALYZE chunks; ANALYZE postings")


def test_the_server_samples_no_content(stores: Stores) -> None:
    store = stores.make(spec_of(), index="hnsw", halfvec=True, exact_below=5)
    refilled(store, "qzsampledqz")
    store.prepare()
    change_sql(store, "ANALYZE chunks")
    assert "chunks.document" in sampled(store)
    words = {name: values for name, values in sampled(store).items() if b"qzsampledqz".hex() in values}
    assert set(words) <= {"postings.term"}
    numbers_alone = {"tenant", "from_commit", "to_commit", "row", "document", "n_terms", "key", "chunk", "n"}
    known = {"state", "n_chunks", "term", *numbers_alone}
    assert {name.partition(".")[2] for name in sampled(store) if name[:4] not in ("meta", "head")} <= known


def test_terms_that_are_forgotten_are_sampled_no_more(stores: Stores) -> None:
    store = stores.make(spec_of())
    refilled(store, "qzkeptqz")
    store.commit([put("gone", [("qzgoneqz", EAST)] * 60)])
    change_sql(store, "ANALYZE postings")
    kept, gone = b"qzkeptqz".hex(), b"qzgoneqz".hex()
    assert kept in str(sampled(store))
    assert gone in str(sampled(store))
    assert store.erase([remove("gone")], wait_s=5).erased
    assert kept in str(sampled(store))
    assert gone not in str(sampled(store))


@pytest.mark.parametrize("tenancy", ["filter", "rls"])
def test_what_was_sampled_of_an_older_index_goes_with_what_is_forgotten(stores: Stores, tenancy: str) -> None:
    dsn = server().dsn(user="bound")
    store = stores.make(spec_of(tenant="keyword!"), tenancy=tenancy, dsn=dsn)
    columns = (
        "SELECT format('ALTER %s %I ALTER COLUMN %s SET STATISTICS -1', "
        "CASE relkind WHEN 'r' THEN 'TABLE' ELSE 'INDEX' END, relname, "
        "CASE relkind WHEN 'r' THEN quote_ident(attname) ELSE attnum::text END) "
        "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE attnum > 0 AND attstattarget = 0 "
        "AND relnamespace = to_regnamespace(current_schema())"
    )
    for (statement,) in change_sql(store, columns):
        change_sql(store, statement)
    tenant = "qztenantqz"
    store.commit([put(f"qzid{i}", [("qztermqz", EAST)], tenant=tenant) for i in range(30)])
    change_sql(store, "ANALYZE sources; ANALYZE documents; ANALYZE chunks; ANALYZE postings")
    words = [word.encode().hex() for word in ("qzid", "qztermqz", tenant)]
    assert all(word in str(sampled(store)) for word in words)
    assert store.erase([remove(f"qzid{i}", tenant=tenant) for i in range(30)], wait_s=5).erased
    assert not any(word in str(sampled(store)) for word in words)
    store.commit([put("b", [("kept", EAST)], tenant="t")])
    assert len(store.search(EAST[None], 5, Scope("t"))[0]) == 1
    assert store.verify() == []
    guards = change_sql(
        store,
        "SELECT count(*) FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid "
        "WHERE relnamespace = to_regnamespace(current_schema()) AND relforcerowsecurity",
    )
    assert guards == [(6 if tenancy == "rls" else 0,)]


def _files(store: PgvectorStore) -> Iterator[bytes]:
    rows = change_sql(
        store,
        "WITH own AS (SELECT oid, reltoastrelid FROM pg_class WHERE relkind IN ('r', 'i') "
        "AND relnamespace = to_regnamespace(current_schema())) SELECT pg_relation_filepath(oid) FROM own "
        "UNION ALL SELECT pg_relation_filepath(reltoastrelid) FROM own WHERE reltoastrelid <> 0",
    )
    for (path,) in rows:
        yield (server().folder / "data" / path).read_bytes()
