"""Approximate indexes, unusual texts, several writers and readers, damage and its repair."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ragkit.errors import RagkitError, StoreError, TransientStoreError
from ragkit.filters import Eq
from ragkit.protocols import Change, Scope
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put, quarantine, remove, unit
from ragkit.testing.oracle import OracleStore
from ragkit.testing.stores import EAST, OPEN, spec_of
from ragkit_connectors.pgvector import PgvectorStore
from tests.connectors.pgvector_server import Stores, server

N, DIMENSION = 1_500, 16


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


def change_sql(store: PgvectorStore, statement: str) -> list[tuple[Any, ...]]:
    with server().connect("rag") as connection:
        connection.execute(f"SET search_path = {store.config.name}, public")
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


# --- approximate indexes ----------------------------------------------------------------------------


def filled(store: PgvectorStore, oracle: OracleStore) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(20)
    rows = rng.normal(size=(N, DIMENSION))
    changes = [
        put(f"d{i // 50}", [(f"t{j}", unit(rows[j].tolist())) for j in range(i, i + 50)],
            metadata={"year": i // 50, "lang": "en" if i // 50 else "ru"})
        for i in range(0, N, 50)
    ]  # fmt: skip
    store.commit(changes)
    oracle.commit(changes)
    return np.stack([unit(row.tolist()) for row in rng.normal(size=(20, DIMENSION))])


@pytest.mark.parametrize(
    ("kind", "halfvec"), [("hnsw", False), ("hnsw", True), ("ivfflat", False), ("ivfflat", True)]
)
def test_an_index_finds_the_nearest_and_a_filter_fills_k(stores: Stores, kind: str, halfvec: bool) -> None:
    spec = replace(spec_of(), dimension=DIMENSION)
    settings = {"index": kind, "halfvec": halfvec, "exact_below": 40, "lists": 8, "probes": 7}
    # So few rows are read faster than any index, which the server knows.
    dsn = server().dsn() + " options='-c enable_seqscan=off -c enable_bitmapscan=off -c enable_sort=off'"
    store, oracle = stores.make(spec, dsn=dsn, **settings), OracleStore(spec)
    queries = filled(store, oracle)
    assert not store.capabilities.exact_dense
    store.prepare()
    store.prepare()  # it is there: nothing to do
    n_found = 0
    for scope in (OPEN, Scope(filter=Eq("lang", "ru")), Scope(filter=Eq("year", 3)), Scope(commit=0)):
        for ours, theirs in zip(
            store.search(queries, 10, scope), oracle.search(queries, 10, scope), strict=True
        ):
            assert len(ours) == len(theirs)
            exact = dict(zip(theirs.id_list(), theirs.scores.tolist(), strict=True))
            for identity, score in zip(ours.id_list(), ours.scores.tolist(), strict=True):
                assert score == pytest.approx(exact.get(identity, score), abs=1e-6)
            n_found += len(exact.keys() & set(ours.id_list()))
    assert n_found >= 0.9 * 3 * 10 * len(queries)
    store.close()  # so that what it counted is counted
    by_index = (
        "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelid = to_regclass('chunks_by_nearness')"
    )
    assert change_sql(store, by_index)[0][0] > 0


def test_another_index_takes_the_place_of_the_first_and_none_drops_it(stores: Stores) -> None:
    spec = replace(spec_of(), dimension=DIMENSION)
    store = stores.make(spec, index="hnsw", exact_below=40)
    filled(store, OracleStore(spec))
    kind = (
        "SELECT a.amname::text FROM pg_class c JOIN pg_am a ON a.oid = c.relam "
        "WHERE relname = 'chunks_by_nearness' AND relnamespace = to_regnamespace(current_schema())"
    )
    for settings, expected in (
        ({"index": "hnsw"}, [("hnsw",)]), ({"index": "ivfflat"}, [("ivfflat",)]), ({"index": "none"}, []),
    ):  # fmt: skip
        other = stores.make(spec, name=store.config.name, exact_below=40, **settings)
        other.prepare()
        assert change_sql(store, kind) == expected


def test_an_index_is_built_while_somebody_reads_and_takes_its_place_later(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("_PATIENCE_MS", 100), ("_PAUSE_S", 0.0), ("_TRIES", 2)):
        monkeypatch.setattr(f"ragkit_connectors.pgvector.patience.{name}", value)
    spec = replace(spec_of(), dimension=DIMENSION)
    store = stores.make(spec, index="hnsw", exact_below=40)
    filled(store, OracleStore(spec))
    store.prepare()
    other = stores.make(spec, name=store.config.name, index="ivfflat", exact_below=40)
    names = (
        "SELECT relname::text, amname::text FROM pg_class c JOIN pg_am a ON a.oid = c.relam "
        "WHERE relname LIKE 'chunks_by_nearness%' "
        "AND relnamespace = to_regnamespace(current_schema()) ORDER BY 1"
    )
    with server().connect("rag") as reader:
        reader.execute("BEGIN")
        reader.execute(f"SELECT count(*) FROM {store.config.name}.chunks")
        with pytest.raises(TransientStoreError, match=r"something else holds a lock\. Try again"):
            other.prepare()
        both = [("chunks_by_nearness", "hnsw"), ("chunks_by_nearness_next", "ivfflat")]
        assert change_sql(store, names) == both
    other.prepare()
    assert change_sql(store, names) == [("chunks_by_nearness", "ivfflat")]


def test_however_many_tie_the_smallest_ids_are_taken(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragkit_connectors.pgvector.dense._AT_ONCE", 7)
    store, oracle = stores.make(spec_of()), OracleStore(spec_of())
    nearly = [unit([1, 1e-5 * i]) for i in range(4)]
    changes = [put(f"d{i}", [(f"t{i}", nearly[i % 4]), (f"u{i}", unit([1, i]))]) for i in range(60)]
    store.commit(changes)
    oracle.commit(changes)
    for k in (1, 2, 7, 30, 59, 60, 61, 100, 119, 120, 500):
        for scope in (OPEN, Scope(filter=None, commit=1)):
            ours, theirs = (s.search(EAST[None], k, scope)[0] for s in (store, oracle))
            assert ours.id_list() == theirs.id_list()
            np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-6)


# --- texts ------------------------------------------------------------------------------------------


def test_long_names_and_long_words_are_names_and_words(stores: Stores) -> None:
    rng = random.Random(20)
    name = "".join(chr(rng.randrange(0x10000, 0x10FFFD)) for _ in range(4096))
    word = "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(5000))
    store = stores.make(spec_of())
    store.commit([put(name, [(f"one {word}", EAST)]), put(name[:-1], [("two", EAST)])])
    assert [s.document_id for s in store.states()] == sorted([name, name[:-1]])
    assert len(store.search_terms([[word]], 5, OPEN)[0]) == 1
    assert store.search_terms([[word[:-1]]], 5, OPEN)[0].id_list() == []
    assert store.source("", name) is not None
    store.commit([remove(name)])
    assert store.counts().documents == 1


def test_states_come_in_order_page_by_page(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragkit_connectors.pgvector.manifest._PAGE", 3)
    store = stores.make(spec_of(tenant="keyword!"))
    names = ["a", "a\0", "a" * 600, "a" * 601, "b", "é", "я", "😀"]
    store.commit([put(name, [], tenant=t) for t in ("t", "u") for name in names])
    assert [(s.tenant, s.document_id) for s in store.states()] == sorted((t, n) for t in "tu" for n in names)
    assert [s.document_id for s in store.states("u")] == sorted(names)


# --- several at once --------------------------------------------------------------------------------


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


# --- damage -----------------------------------------------------------------------------------------


class Letters:
    fingerprint = "test"

    def terms(self, text: str) -> list[str]:
        return text.split()


def sound(stores: Stores) -> PgvectorStore:
    store = stores.unopened().open(spec_of(), analyzer=Letters())
    store.commit([put("a", [("one", EAST)]), quarantine("bad"), put("gone", [("x", EAST)])])
    store.commit(
        [put("a", [("one two two", EAST), ("three", EAST)], metadata={"lang": "en"}), remove("gone")]
    )
    store.compact()
    assert store.verify() == []
    return store


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        ("UPDATE chunks SET text = 'other'", "cannot be read"),
        ("UPDATE chunks SET fields = '{}'", "is filtered by other metadata than it has"),
        ("UPDATE chunks SET tenant = 'x'", "stand and fall with their document"),
        ("DELETE FROM documents", "do not stand and fall with their document"),
        ("DELETE FROM sources", "its state is lost"),
        ("UPDATE sources SET content_hash = 'x'", "not what was written"),
        ("UPDATE sources SET n_chunks = 7", "have not the chunks that their state says"),
        ("UPDATE chunks SET from_commit = 9", "are of commits that are not there"),
        ("DELETE FROM chunks WHERE \"row\" = 2", "have not the chunks that their state says"),
        ("UPDATE head SET next_row = 0", "have numbers that were never given"),
        ("UPDATE postings SET term = 'four' WHERE term = 'two'", "the counts of terms of 1 chunks"),
        ("UPDATE postings SET n = 3 - n WHERE chunk = 2", "the counts of terms of 1 chunks"),
        ("UPDATE chunks SET embedding = '[0,1]' WHERE \"row\" = 3", "the vectors of 1 chunks"),
        ("DELETE FROM postings; DELETE FROM chunks; DELETE FROM documents; DELETE FROM sources",
         "2 chunks were lost"),
        ("DELETE FROM sources WHERE state = 'quarantined'", "1 documents were lost"),
    ],
)  # fmt: skip
def test_damage_is_found_and_its_remedy_named(stores: Stores, damage: str, what: str) -> None:
    store = sound(stores)
    change_sql(store, damage)
    problems = store.verify()
    assert any(what in problem for problem in problems), problems
    assert all("Restore" in problem or "ragkit repair" in problem for problem in problems)


def test_what_is_derived_is_made_anew(stores: Stores) -> None:
    store = sound(stores)
    before = store.search_terms([["two"]], 5, OPEN)[0]
    change_sql(store, "DELETE FROM postings WHERE n = 2; INSERT INTO postings VALUES ('', 'ghost', 99, 1)")
    change_sql(store, "UPDATE chunks SET embedding = '[3,4]' WHERE \"row\" = 3")
    assert len(store.verify()) == 3
    repaired = store.repair(lambda texts: np.stack([EAST for _ in texts]))
    assert len(repaired) == 3
    assert store.verify() == []
    after = store.search_terms([["two"]], 5, OPEN)[0]
    assert (after.id_list(), after.scores.tolist()) == (before.id_list(), before.scores.tolist())


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


def test_upkeep_leaves_the_writers_limit_as_it_was(stores: Stores) -> None:
    store = stores.make(spec_of(), statement_timeout_s=7)
    with store.writing(), store._lock as connection:
        for upkeep in (store.compact, store.prepare, store.repair, lambda: store.erase([remove("a")])):
            store.commit([put("a", [("one", EAST)])])
            upkeep()
            shown = connection.execute(
                "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')"
            ).fetchone()
            assert shown == ("7s", "0")


def _files(store: PgvectorStore) -> Iterator[bytes]:
    rows = change_sql(
        store,
        "WITH own AS (SELECT oid, reltoastrelid FROM pg_class WHERE relkind IN ('r', 'i') "
        "AND relnamespace = to_regnamespace(current_schema())) SELECT pg_relation_filepath(oid) FROM own "
        "UNION ALL SELECT pg_relation_filepath(reltoastrelid) FROM own WHERE reltoastrelid <> 0",
    )
    for (path,) in rows:
        yield (server().folder / "data" / path).read_bytes()


def test_a_spec_that_is_not_given_is_the_one_that_was_recorded(stores: Stores) -> None:
    spec = spec_of(tenant="keyword!")
    store = stores.make(spec)
    change: Change = put("a", [("one", EAST)], tenant="acme")
    store.commit([change])
    again = stores.unopened(name=store.config.name).open()
    assert isinstance(again.spec, StoreSpec)
    assert again.spec == spec
    assert len(again.search(EAST[None], 1, Scope("acme"))[0]) == 1
