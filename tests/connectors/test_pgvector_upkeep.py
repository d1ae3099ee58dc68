"""Damage is found and mended."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from ragkit.testing.data import put, quarantine, remove
from ragkit.testing.stores import EAST, OPEN, spec_of
from ragkit_connectors.pgvector import PgvectorStore
from tests.connectors.pgvector_server import Stores, change_sql


@pytest.fixture
def stores() -> Iterator[Stores]:
    made = Stores()
    yield made
    made.close()


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
