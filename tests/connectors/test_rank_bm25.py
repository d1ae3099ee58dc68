from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragkit.protocols import RankerFactory, Scope
from ragkit.store.bm25.formula import Bm25
from ragkit.store.bm25.postings import Postings
from ragkit.store.bm25.search import Bm25Ranker
from ragkit.store.local.store import LocalStore
from ragkit.testing.data import put, unit
from ragkit.testing.stores import spec_of

pytest.importorskip("rank_bm25", reason="needs the extra rank-bm25: make test EXTRAS=all")


def rank_bm25(**settings: object) -> RankerFactory:
    from ragkit_connectors.rank_bm25 import RankBm25

    factory: RankerFactory = RankBm25(**settings)
    return factory


def random_texts(n: int) -> list[list[str]]:
    rng = np.random.default_rng(5)
    return [[f"w{w}" for w in rng.zipf(1.6, size=rng.integers(1, 30)) if w < 200] for _ in range(n)]


def test_one_term_scores_are_proportional_to_ours() -> None:
    # Both formulas are idf · tf / (tf + norm) times a constant, so for one term they rank alike.
    segment = Postings.of(random_texts(400), first_row=0)
    ours, theirs = Bm25Ranker(Bm25(), [segment], None), rank_bm25().over([segment], None)
    for term in ("w7", "w20", "w60"):
        a, b = ours.search([term], 1000, None), theirs.search([term], 1000, None)
        assert sorted(a.rows) == sorted(b.rows)
        ratio = b.scores[np.argsort(b.rows)] / a.scores[np.argsort(a.rows)]
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)


@pytest.mark.parametrize("variant", ["okapi", "plus"])
def test_a_store_ranks_with_it(tmp_path: Path, variant: str) -> None:
    store = LocalStore(path=tmp_path).open(spec_of(), bm25=rank_bm25(variant=variant))
    east = unit([1, 0])
    passages = ["cat dog", "dog", "fish", "bird", "cat cat"]
    store.commit([put(words, [(words, east)]) for words in passages])
    (batch,) = store.search_terms([["cat"]], 10, Scope())
    found = [chunk.text for chunk in store.fetch(batch.id_list(), Scope()) if chunk]
    assert found == ["cat cat", "cat dog"]
    assert batch.ceiling > batch.scores[0]


def test_chunks_without_terms_are_no_obstacle(tmp_path: Path) -> None:
    store = LocalStore(path=tmp_path).open(spec_of(), bm25=rank_bm25())
    store.commit([put("a", [("", unit([1, 0]))])])
    assert len(store.search_terms([["cat"], []], 10, Scope())[0]) == 0
