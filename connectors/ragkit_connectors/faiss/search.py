"""Search within a part: the rows that FAISS proposes, more of them where some tie or are not allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.arrays import Ids
from ragkit.protocols import Vectors
from ragkit.subsets import MARGIN, Subset, compare
from ragkit_connectors.faiss.gpu import MOST_ROWS, OnGpus
from ragkit_connectors.faiss.kinds import Cagra, Kind
from ragkit_connectors.faiss.vendor import faiss

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
_NO_SCORE = np.finfo(np.float32).min  # as FAISS has it: two of them can be subtracted
_WRITTEN_AT_ONCE = 1 << 20  # bytes


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A FAISS index over `n_rows` rows from `first`. Nothing is added to it once it is here.

    `index` None stands for the rows of the matrix as they lie.
    """

    first: int
    n_rows: int
    kind: Kind
    index: Any = None
    path: Path | None = None

    @property
    def end(self) -> int:
        """The row behind its last."""
        return self.first + self.n_rows

    def write(self, take: Callable[[bytes], object]) -> None:
        """Hands over the index as FAISS writes it, a block at a time: it may be as large as the vectors."""

        def taken(block: bytes) -> int:
            take(block)
            return len(block)

        index = self.index.to_cpu() if isinstance(self.index, OnGpus) else self.index
        faiss().write_index(index, faiss().PyCallbackIOWriter(taken, _WRITTEN_AT_ONCE))


@dataclass(frozen=True, slots=True, eq=False)
class PartSearch:
    """One search in one part: `allowed` has a flag per row of the part, None for all."""

    part: Part
    matrix: Vectors
    ids: Ids
    allowed: Mask | None

    @classmethod
    def of(cls, part: Part, matrix: Vectors, ids: Ids, allowed: Mask | None) -> PartSearch:
        """With the part's share of a whole matrix."""
        own = slice(part.first, part.end)
        return cls(part, matrix[own], ids[own], None if allowed is None else allowed[own])

    def candidates(self, vectors: Vectors, k: int) -> Rows:
        """For each vector the rows of the whole matrix among which its `k` nearest of the part are.

        Shape `[q, w]`, −1 where there is none.
        """
        n_allowed = self.part.n_rows if self.allowed is None else int(np.count_nonzero(self.allowed))
        wanted = min(self.part.kind.wanted(k), n_allowed)
        if wanted == 0:
            return np.empty((len(vectors), 0), dtype=np.int64)
        scores, rows = self._near(vectors, wanted, n_allowed)
        is_exact = self.part.kind.ranks_exactly
        again = rows[:, (wanted if is_exact else min(k, n_allowed)) - 1] < 0  # there are more than were found
        if is_exact and wanted > k:
            again |= scores[:, k - 1] - scores[:, -1] <= MARGIN
        if again.any():
            rows = self._widened(vectors, rows, np.flatnonzero(again), k, n_allowed)
        return np.where(rows < 0, rows, rows + self.part.first) if self.part.first else rows

    def _widened(self, vectors: Vectors, rows: Rows, queries: Rows, k: int, n_allowed: int) -> Rows:
        """`rows` with those of some queries replaced, and filled up with −1 to the widest."""
        replaced = {int(i): self._all_that_tie(vectors[i : i + 1], k, n_allowed) for i in queries}
        width = max(rows.shape[1], *(len(found) for found in replaced.values()))
        wide = np.full((len(rows), width), -1, dtype=np.int64)
        wide[:, : rows.shape[1]] = rows
        for i, found in replaced.items():
            wide[i] = -1
            wide[i, : len(found)] = found
        return wide

    def _all_that_tie(self, vector: Vectors, k: int, n_allowed: int) -> Rows:
        """One query's `k` best rows and all that may tie with the last of them."""
        more = self.part.kind.wanted(k)
        while self.part.kind.ranks_exactly:
            more = min(2 * more, n_allowed)
            (scores,), (rows,) = self._near(vector, more, n_allowed)
            if rows[min(k, n_allowed) - 1] < 0:
                break
            if more <= k or rows[-1] < 0 or more == n_allowed or scores[k - 1] - scores[-1] > MARGIN:
                return np.asarray(rows[rows >= 0])
        return np.asarray(self._compared(vector, k)[1][0])

    def _near(self, vectors: Vectors, wanted: int, n_allowed: int) -> tuple[Vectors, Rows]:
        """Scores and rows within the part, best first, shape `[q, wanted]`; row −1 where fewer are found."""
        index, kind = self.part.index, self.part.kind
        if isinstance(index, OnGpus):
            return self._near_on_gpu(index, vectors, wanted, n_allowed)
        found: tuple[Vectors, Rows]
        if index is not None:
            selector = None
            if self.allowed is not None:
                bits = np.packbits(self.allowed, bitorder="little")
                selector = faiss().IDSelectorBitmap(bits)
            found = index.search(vectors, wanted, params=kind.parameters(wanted, selector))
        elif self.allowed is not None:
            found = self._compared(vectors, wanted)
        else:
            found = faiss().knn(vectors, self.matrix, wanted, metric=faiss().METRIC_INNER_PRODUCT)
        return found

    def _near_on_gpu(
        self, index: OnGpus, vectors: Vectors, wanted: int, n_allowed: int
    ) -> tuple[Vectors, Rows]:
        """GPUs take no selectors: more rows are asked for, until enough of them are allowed."""
        if wanted > MOST_ROWS:
            return self._compared(vectors, wanted)
        if self.allowed is None:
            return index.search(vectors, wanted, _parameters_on_gpu(self.part.kind, wanted))
        asked = wanted * self.part.n_rows // n_allowed
        while True:
            asked = min(asked + asked // 4 + 8, MOST_ROWS, self.part.n_rows)
            scores, rows = index.search(vectors, asked, _parameters_on_gpu(self.part.kind, asked))
            kept = (rows >= 0) & self.allowed[rows]
            enough = np.count_nonzero(kept, axis=1) >= wanted
            if enough.all() or asked in (MOST_ROWS, self.part.n_rows) or rows[~enough, -1].min() < 0:
                break
            asked *= 2
        order = np.argsort(~kept, axis=1, kind="stable")[:, :wanted]
        kept = np.take_along_axis(kept, order, axis=1)
        return (
            np.where(kept, np.take_along_axis(scores, order, axis=1), _NO_SCORE),
            np.where(kept, np.take_along_axis(rows, order, axis=1), -1),
        )

    def _compared(self, vectors: Vectors, wanted: int) -> tuple[Vectors, Rows]:
        """All allowed rows compared exactly."""
        subset = None if self.allowed is None else Subset(np.flatnonzero(self.allowed), None)
        rows, scores = compare(self.matrix, self.ids, vectors, wanted, subset)
        return scores, rows


def _parameters_on_gpu(kind: Kind, wanted: int) -> Any:
    """None but for graphs: how many lists are read is set when the index is made."""
    return kind.parameters(wanted, None) if isinstance(kind, Cagra) else None
