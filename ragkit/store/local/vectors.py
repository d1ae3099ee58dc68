"""The vector file: float32 rows, one after the other, only ever appended to."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np

from ragkit.errors import CorruptIndexError
from ragkit.protocols import Vectors
from ragkit.store.local.files import write_at


class VectorFile:
    """Rows of `dimension` float32 numbers. Which of them count is the manifest's word."""

    def __init__(self, path: Path, dimension: int) -> None:
        self.path = path
        self.dimension = dimension

    def append(self, n_rows: int, vectors: Vectors) -> tuple[int, str]:
        """Writes rows behind the `n_rows` that count. Returns their bytes and checksum, once on disk."""
        data = np.ascontiguousarray(vectors, dtype="<f4").tobytes()
        return len(data), write_at(self.path, n_rows * self.dimension * 4, data)

    def matrix(self, n_rows: int) -> Vectors:
        """The first `n_rows` rows, mapped from the file, read-only, shape `[n, d]`.

        Raises:
            CorruptIndexError: the file is shorter than that.
        """
        if n_rows == 0:
            return np.empty((0, self.dimension), dtype=np.float32)
        needed = n_rows * self.dimension * 4
        size = self.path.stat().st_size if self.path.exists() else 0
        if size < needed:
            raise CorruptIndexError(
                f"{self.path}: {size} bytes, and the manifest counts on {needed}. The vectors are lost: "
                "run ragkit repair, which embeds the texts anew, restore the folder from a copy, "
                "or ingest again into a new folder"
            )
        with self.path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), needed, access=mmap.ACCESS_READ)
        return np.frombuffer(mapped, dtype="<f4").reshape(n_rows, self.dimension)
