"""What an index over vectors must offer, and how it is kept in files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ragkit.arrays import Ids
from ragkit.protocols.models import Vectors


@runtime_checkable
class DenseIndex(Protocol):
    """Nearest neighbours over the rows of a matrix; derived from the manifest, always rebuildable.

    A value: `over` gives another one, so that searches go on undisturbed while an index grows.
    """

    @property
    def is_exact(self) -> bool:
        """Whether `search` never misses a neighbour."""
        ...

    def over(self, matrix: Vectors, ids: Ids) -> DenseIndex:
        """This index over a matrix (`[n, d]`, unit rows) that begins with the rows it already covers."""
        ...

    def search(
        self, vectors: Vectors, k: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.int64], Vectors]:
        """Rows and cosine similarities, each `[q, k]`, best first, ties by id; row −1 where fewer exist.

        `allowed` has one flag per row; None means all rows.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class IndexPart:
    """What was built over `n_rows` rows from `first_row`, as bytes.

    Args:
        first_row: where it begins.
        n_rows: how many rows it covers.
        write: hands all its bytes, in order, to the function it is given, whose errors pass through. Searches
            may go on meanwhile.
        path: the file it was opened from, or None.
    """

    first_row: int
    n_rows: int
    write: Callable[[Callable[[bytes], object]], None] = field(kw_only=True)
    path: Path | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class IndexFile:
    """A file that holds the bytes of an `IndexPart`; they are known to be those that were written."""

    first_row: int
    n_rows: int
    path: Path = field(kw_only=True)


@runtime_checkable
class PersistentIndex(DenseIndex, Protocol):
    """A dense index that takes long to build, so that a store keeps files of it beside the vectors."""

    @property
    def fingerprint(self) -> str:
        """Identifies how it is built and written: files of another one are not opened. Empty: keep none."""
        ...

    def parts(self) -> Sequence[IndexPart]:
        """The parts that are worth a file, which join on to one another from row 0 on."""
        ...

    def restored(self, matrix: Vectors, ids: Ids, files: Sequence[IndexFile]) -> DenseIndex:
        """This index over a matrix, as `over` gives it; what the files hold is opened instead of built.

        The files join on to one another from row 0 on, have this fingerprint and hold rows of this matrix.
        One that cannot be used all the same is left out.
        """
        ...
