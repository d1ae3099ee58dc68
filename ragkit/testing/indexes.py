"""What every dense index must do."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from ragkit.arrays import Ids
from ragkit.protocols import DenseIndex, Vectors

_DIMENSION, _SEED = 16, 11


def made_rows(n: int, *, distinct: int | None = None) -> tuple[Vectors, Ids]:
    """`n` unit vectors, of which only `distinct` differ, and ids that stand in no order."""
    rng = np.random.default_rng(_SEED)
    vectors = rng.normal(size=(distinct or n, _DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    if distinct:
        vectors = vectors[rng.integers(distinct, size=n)]
    ids = np.array([f"{i:032x}".encode() for i in rng.permutation(n)], dtype="S32")
    return np.ascontiguousarray(vectors), ids


def expected(
    query: Vectors, matrix: Vectors, ids: Ids, k: int, allowed: NDArray[np.bool_] | None = None
) -> list[int]:
    """Rows of the `k` best, from scores in float64 and a sort."""
    scores = (matrix.astype(np.float64) @ query.astype(np.float64)).astype(np.float32)
    order = [int(row) for row in np.lexsort((ids, -scores))]
    return [row for row in order if allowed is None or allowed[row]][:k]


class DenseIndexChecks:
    """Subclass it and say how an empty index is made; `is_exact` says whether neighbours may be missed."""

    is_exact = True

    @abstractmethod
    def make_index(self) -> DenseIndex:
        """An index over no rows."""

    def check(
        self, index: DenseIndex, matrix: Vectors, ids: Ids, k: int, allowed: NDArray[np.bool_] | None = None
    ) -> None:
        """Compares three queries with the expected rows, or nine in ten of them for approximate indexes."""
        for query in matrix[:3]:
            rows, scores = index.search(query[None], k, allowed)
            assert rows.shape == scores.shape == (1, k)
            found, wanted = [r for r in rows[0].tolist() if r >= 0], expected(query, matrix, ids, k, allowed)
            assert len(found) == len(set(found)), "a row came twice"
            if self.is_exact:
                assert found == wanted
            else:
                assert len(set(found) & set(wanted)) >= 0.9 * len(wanted)
            cosines = (matrix[found].astype(np.float64) @ query.astype(np.float64)).astype(np.float32)
            assert np.allclose(scores[0][: len(found)], cosines, atol=1e-6)

    def test_finds_the_nearest_rows(self) -> None:
        """Best first, with their cosine similarities."""
        matrix, ids = made_rows(500)
        self.check(self.make_index().over(matrix, ids), matrix, ids, 10)

    def test_ties_stand_in_order_of_id(self) -> None:
        """Equal vectors tie, also at the cut, and the smallest ids are taken."""
        if not self.is_exact:
            return
        matrix, ids = made_rows(300, distinct=5)
        index = self.make_index().over(matrix, ids)
        for k in (1, 7, 50, 299):
            self.check(index, matrix, ids, k)

    def test_pads_with_minus_one(self) -> None:
        """Where fewer than k rows exist or are allowed."""
        matrix, ids = made_rows(4)
        index = self.make_index().over(matrix, ids)
        rows, _ = index.search(matrix[:1], 9, None)
        assert sorted(rows[0].tolist()) == [-1] * 5 + [0, 1, 2, 3]
        rows, _ = index.search(matrix[:1], 3, np.array([False, True, False, False]))
        assert rows[0].tolist() == [1, -1, -1]
        rows, _ = index.search(matrix[:1], 3, np.zeros(4, dtype=bool))
        assert rows[0].tolist() == [-1] * 3

    def test_an_empty_index_finds_nothing(self) -> None:
        """No rows, no error."""
        index = self.make_index().over(np.empty((0, _DIMENSION), dtype=np.float32), np.empty(0, dtype="S32"))
        rows, _ = index.search(np.eye(_DIMENSION, dtype=np.float32)[:1], 2, None)
        assert rows[0].tolist() == [-1, -1]

    def test_only_allowed_rows_are_found(self) -> None:
        """At any selectivity, and as many as there are."""
        matrix, ids = made_rows(2000)
        index = self.make_index().over(matrix, ids)
        rng = np.random.default_rng(_SEED)
        for share in (0.9, 0.5, 0.12, 0.05, 0.002):
            self.check(index, matrix, ids, 10, rng.random(len(matrix)) < share)

    def test_grows_and_leaves_its_former_self_alone(self) -> None:
        """`over` gives an index of more rows; the one it was called on answers as before."""
        matrix, ids = made_rows(700)
        steps = [0, 1, 10, 300, 301, 700]
        indexes = [self.make_index().over(matrix[:0], ids[:0])]
        for end in steps[1:]:
            indexes.append(indexes[-1].over(matrix[:end], ids[:end]))
        for index, end in zip(indexes[1:], steps[1:], strict=True):
            self.check(index, matrix[:end], ids[:end], min(10, end))

    def test_several_queries_answer_as_each_alone(self) -> None:
        """Rows of the reply are the queries in order."""
        matrix, ids = made_rows(200)
        index = self.make_index().over(matrix, ids)
        together, _ = index.search(matrix[:5], 6, None)
        for query, rows in zip(matrix[:5], together, strict=True):
            alone, _ = index.search(query[None], 6, None)
            assert rows.tolist() == alone[0].tolist()
