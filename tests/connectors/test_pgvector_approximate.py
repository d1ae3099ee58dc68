"""Approximate indexes over the vectors: what they find, and how one takes the place of another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ragkit.errors import TransientStoreError
from ragkit.filters import Eq
from ragkit.protocols import Scope
from ragkit.testing.data import put, unit
from ragkit.testing.oracle import OracleStore
from ragkit.testing.stores import EAST, OPEN, spec_of
from ragkit_connectors.pgvector import PgvectorStore
from tests.connectors.pgvector_server import Stores, change_sql, server

N, DIMENSION = 1_500, 16


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


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
