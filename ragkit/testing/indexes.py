"""What every dense index must do."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from numpy.typing import NDArray

from ragkit.arrays import Ids
from ragkit.protocols import DenseIndex, IndexFile, IndexPart, PersistentIndex, Vectors

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
    """Subclass it and say how an empty index is made. One that says it is exact must miss no neighbour."""

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
            if index.is_exact:
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
        if not self.make_index().is_exact:
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


class PersistentIndexChecks(DenseIndexChecks):
    """The same of an index with files; `n_rows` must be enough for one that is worth a file."""

    n_rows = 500

    @abstractmethod
    def make_index(self) -> PersistentIndex:
        """An index over no rows."""

    def built(self, matrix: Vectors, ids: Ids) -> PersistentIndex:
        """An index over a matrix."""
        index = self.make_index().over(matrix, ids)
        assert isinstance(index, PersistentIndex)
        return index

    def written(self, parts: Sequence[IndexPart], folder: Path) -> list[IndexFile]:
        """The parts in files."""
        files = []
        for part in parts:
            path = folder / f"{part.first_row}.part"
            with path.open("wb") as file:
                part.write(file.write)
            files.append(IndexFile(part.first_row, part.n_rows, path=path))
        return files

    def test_restored_from_its_files_it_answers_the_same(self, tmp_path: Path) -> None:
        """Every part is opened, none built, and also an index that was restored can be written."""
        matrix, ids = made_rows(self.n_rows)
        index = self.built(matrix, ids)
        files = self.written(index.parts(), tmp_path)
        assert [(f.first_row, f.n_rows) for f in files] == [(0, self.n_rows)]
        again = self.make_index().restored(matrix, ids, files)
        assert isinstance(again, PersistentIndex)
        assert [part.path for part in again.parts()] == [file.path for file in files]
        for a, b in zip(index.search(matrix[:9], 12, None), again.search(matrix[:9], 12, None), strict=True):
            np.testing.assert_array_equal(a, b)
        # Elsewhere: a file that is opened may be mapped, and must not be written to.
        (copied,) = self.written(again.parts(), Path(mkdtemp(dir=tmp_path)))
        assert copied.path.read_bytes() == files[0].path.read_bytes()

    def test_grows_beyond_its_files(self, tmp_path: Path) -> None:
        """Rows behind those in the files are found too."""
        matrix, ids = made_rows(self.n_rows + 40)
        before = self.built(matrix[: self.n_rows], ids[: self.n_rows])
        files = self.written(before.parts(), tmp_path)
        grown = self.make_index().restored(matrix, ids, files)
        self.check(grown, matrix, ids, 10)
        assert grown.search(matrix[-1:], 1, None)[0].tolist() == [[self.n_rows + 39]]

    def test_files_of_other_rows_are_left_out(self, tmp_path: Path) -> None:
        """A file that says of itself that it has other rows, or that cannot be read, costs no answer."""
        matrix, ids = made_rows(self.n_rows)
        (file,) = self.written(self.built(matrix, ids).parts(), tmp_path)
        more = np.concatenate([matrix, matrix[::-1]])
        ids = np.array([f"{i:032x}".encode() for i in range(len(more))], dtype="S32")
        for path in (file.path, tmp_path / "missing"):
            other = IndexFile(0, self.n_rows + 1, path=path)
            index = self.make_index().restored(more, ids, [other])
            assert isinstance(index, PersistentIndex)
            assert all(part.path is None for part in index.parts())
            self.check(index, more, ids, 10)

    def test_an_error_of_the_writer_passes_through(self) -> None:
        """A full disk is told of as such."""
        matrix, ids = made_rows(self.n_rows)

        def fail(_: bytes) -> None:
            raise OSError(28, "No space left on device")

        try:
            self.built(matrix, ids).parts()[0].write(fail)
        except OSError:
            return
        raise AssertionError("it was swallowed")

    def test_another_way_of_building_has_another_fingerprint(self) -> None:
        """It is stable, and not empty."""
        assert self.make_index().fingerprint == self.make_index().fingerprint != ""
