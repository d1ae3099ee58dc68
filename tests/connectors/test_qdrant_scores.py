"""Rankings by the engine's own scores are those by stored vectors, ties in order of id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ragkit.protocols import Change, Scope, Vectors
from ragkit.store_spec import StoreSpec
from ragkit.testing.data import put
from ragkit.testing.oracle import OracleStore

pytest.importorskip("qdrant_edge")
from tests.connectors.qdrant_edge import LentStore, empty_store, give_back

DIMENSION = 384
SPEC = StoreSpec("none", embedder_fingerprint="none", dimension=DIMENSION)
ALL = Scope()


class Noting:
    """An engine that counts what is asked of it."""

    def __init__(self, engine: Any) -> None:
        self._engine, self.n = engine, Counter[str]()

    def __getattr__(self, name: str) -> Any:
        self.n[name] += 1
        return getattr(self._engine, name)


@pytest.fixture
def store() -> Iterator[LentStore]:
    made = empty_store(SPEC)
    yield made
    give_back(made)


def units(rng: np.random.Generator, n: int) -> Vectors:
    """Directions of no pattern, shape `[n, d]`."""
    return normed(rng.normal(size=(n, DIMENSION)))


def normed(vectors: Any) -> Vectors:
    """The same directions with unit length."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def noted(store: LentStore) -> Counter[str]:
    noting = Noting(store._server._qdrant)
    store._server._qdrant = noting
    return noting.n


@pytest.mark.parametrize("apart", [0.0, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4])
def test_what_lies_close_together_is_told_apart_by_vectors(store: LentStore, apart: float) -> None:
    """Forty copies of each of six vectors, moved by less than float32 tells, or by a little more."""
    rng = np.random.default_rng(4)
    centres = units(rng, 6)
    made = normed(np.repeat(centres, 40, axis=0) + apart * units(rng, 240))
    changes = [put(f"d{i}", [(f"t{i}", vector)]) for i, vector in enumerate(made)]
    oracle = OracleStore(SPEC)
    for one in (store, oracle):
        one.commit(changes)
    for query in normed(np.vstack([centres[:2] + units(rng, 2) / 2, units(rng, 2)])):
        for k in (1, 7, 40, 55):
            (ours,), (exact,) = (one.search(query[None], k, ALL) for one in (store, oracle))
            assert ours.id_list() == exact.id_list()
            np.testing.assert_allclose(ours.scores, exact.scores, rtol=0, atol=1e-6)


def test_no_vector_is_read_where_scores_tell(store: LentStore) -> None:
    rng = np.random.default_rng(5)
    store.commit([put(f"d{i}", [(f"t{i}", vector)]) for i, vector in enumerate(units(rng, 60))])
    with store.hold() as commit:
        n = noted(store)
        found = store.search(units(rng, 5), 10, Scope(commit=commit))
    assert [len(hits) for hits in found] == [10] * 5
    # Five questions of ten hits each: that two lie within 1e-5 of one another is seldom.
    assert (n["ask"], n["retrieve"]) == (1, 0)


def test_an_index_full_of_other_commits_answers_of_each_commit(store: LentStore) -> None:
    """Forty versions of each document: almost every hit is of another commit than the reader's."""
    rng = np.random.default_rng(6)
    centres = units(rng, 4)
    oracle = OracleStore(SPEC)
    versions: list[list[Change]] = [
        [
            put(f"d{i}", [(f"common word{version} t{i}", vector)])
            for i, vector in enumerate(np.roll(centres, version, axis=0))
        ]
        for version in range(40)
    ]
    with store.writing():
        for changes in versions:
            for one in (store, oracle):
                one.commit(changes)
    n = noted(store)
    for commit in (1, 2, 20, 39, 40):
        scope = Scope(commit=commit)
        for query in centres:
            (ours,), (exact,) = (one.search(query[None], 3, scope) for one in (store, oracle))
            assert ours.id_list() == exact.id_list()
        (ours,), (exact,) = (one.search_terms([["common"]], 3, scope) for one in (store, oracle))
        assert ours.id_list() == exact.id_list()
    before = n["ask"]
    # It was learned that the index is crowded: from then on the condition says the commit.
    store.search(centres[:1], 3, Scope(commit=20))
    store.search_terms([["common"]], 3, Scope(commit=20))
    assert n["ask"] - before == 2
