"""A dense index whose files can be told from those of any other: for the stores' tests, without a package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.arrays import Ids
from ragkit.protocols import IndexFile, IndexPart, Vectors
from ragkit.store.local.exact import ExactIndex

_MAGIC = b"KEPT"


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    first: int
    vectors: Vectors
    path: Path | None = None

    def write(self, take: Callable[[bytes], object]) -> None:
        take(_MAGIC)
        take(np.ascontiguousarray(self.vectors).tobytes())


class KeptIndex:
    """Searches copies of the vectors that it makes when it is built: a wrong file is a wrong answer.

    Args:
        fingerprint: of the way of building.
        least: the rows of a part that is worth a file.
    """

    def __init__(self, fingerprint: str = "kept/1", least: int = 1) -> None:
        self.fingerprint = fingerprint
        self.built: list[int] = []  # how many rows, each time; shared by all that come of this one
        self._least = least
        self._parts: tuple[_Part, ...] = ()
        self._exact = ExactIndex()

    @property
    def is_exact(self) -> bool:
        """See `DenseIndex.is_exact`."""
        return True

    def over(self, matrix: Vectors, ids: Ids) -> KeptIndex:
        """See `DenseIndex.over`."""
        return self._over(matrix, ids, self._parts)

    def search(
        self, vectors: Vectors, k: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], Vectors]:
        """See `DenseIndex.search`."""
        return self._exact.search(vectors, k, allowed)

    def parts(self) -> list[IndexPart]:
        """See `PersistentIndex.parts`."""
        return [
            IndexPart(p.first, len(p.vectors), write=p.write, path=p.path)
            for p in self._parts
            if len(p.vectors) >= self._least
        ]

    def restored(self, matrix: Vectors, ids: Ids, files: Sequence[IndexFile]) -> KeptIndex:
        """See `PersistentIndex.restored`."""
        parts = []
        for file in files:
            data = file.path.read_bytes() if file.path.exists() else b""
            if len(data) != len(_MAGIC) + file.n_rows * matrix.shape[1] * 4 or not data.startswith(_MAGIC):
                break
            vectors = np.frombuffer(data[len(_MAGIC) :], dtype="<f4").reshape(file.n_rows, -1)
            parts.append(_Part(file.first_row, vectors, file.path))
        return self._over(matrix, ids, parts)

    def _over(self, matrix: Vectors, ids: Ids, parts: Sequence[_Part]) -> KeptIndex:
        grown = KeptIndex(self.fingerprint, self._least)
        grown.built, known = self.built, list(parts)
        start = known[-1].first + len(known[-1].vectors) if known else 0
        if len(matrix) > start:
            while known and len(known[-1].vectors) < 2 * (len(matrix) - start):
                start = known.pop().first
            known.append(_Part(start, matrix[start:].copy()))
            self.built.append(len(matrix) - start)
        grown._parts = tuple(known)
        copies = np.concatenate([p.vectors for p in known]) if known else matrix
        grown._exact = ExactIndex().over(np.ascontiguousarray(copies), ids)
        return grown
