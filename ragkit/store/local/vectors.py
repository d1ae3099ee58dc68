"""The vector files: float32 rows, one after the other, only ever appended to; one file per generation."""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import CorruptIndexError
from ragkit.protocols import Vectors
from ragkit.store.files import write_at, write_new
from ragkit.store.local.manifest import Segment

# What has one checksum, and is embedded anew where it is damaged.
MAX_SEGMENT_ROWS = 65_536


class VectorFile:
    """Rows of `dimension` float32 numbers. Which of them count is the manifest's word."""

    def __init__(self, folder: Path, generation: int, dimension: int) -> None:
        self.path = folder / f"vectors-{generation:06d}.f32"
        self.dimension = dimension

    def append(self, n_rows: int, vectors: Vectors) -> Segment:
        """Writes rows behind the `n_rows` that count. Returns their segment, once they are on disk.

        Raises:
            CorruptIndexError: the file has fewer rows than count.
        """
        size = self.path.stat().st_size if self.path.exists() else 0
        if size < n_rows * self.dimension * 4:
            raise self._lost(size, n_rows)
        data = np.ascontiguousarray(vectors, dtype="<f4").tobytes()
        checksum = write_at(self.path, n_rows * self.dimension * 4, data)
        return Segment("vectors", n_rows, len(vectors), self.path.name, len(data), checksum)

    def write(self, matrix: Vectors, kept: Sequence[int] | NDArray[np.intp]) -> list[Segment]:
        """Writes the file with the rows `kept` of another one's matrix. Returns their segments."""
        segments: list[Segment] = []

        def parts() -> Iterator[bytes]:
            for first in range(0, len(kept), MAX_SEGMENT_ROWS):
                rows = matrix[kept[first : first + MAX_SEGMENT_ROWS]]
                data = np.ascontiguousarray(rows, dtype="<f4").tobytes()
                digest = hashlib.sha256(data).hexdigest()
                segments.append(Segment("vectors", first, len(rows), self.path.name, len(data), digest))
                yield data

        if len(kept):
            write_new(self.path, parts())
        return segments

    def joined(self, segments: Sequence[Segment]) -> Segment | None:
        """One segment for several that lie side by side; None where one of them is not what was written.

        Raises:
            OSError: the file cannot be read.
        """
        whole, width = hashlib.sha256(), self.dimension * 4
        with self.path.open("rb") as file:
            file.seek(segments[0].first_row * width)
            for segment in segments:
                data = file.read(segment.n_rows * width)
                if hashlib.sha256(data).hexdigest() != segment.checksum:
                    return None
                whole.update(data)
        n_rows = sum(s.n_rows for s in segments)
        first = segments[0].first_row
        return Segment("vectors", first, n_rows, self.path.name, n_rows * width, whole.hexdigest())

    def check(self, segments: Sequence[Segment], matrix: Vectors, first_row: int) -> None:
        """Compares the rows of a mapped file from `first_row` on with what was written.

        Raises:
            CorruptIndexError: they are not what was written, or no segment vouches for some of them.
        """
        end = first_row
        for segment in segments:
            if segment.first_row != end:
                break
            end += segment.n_rows
            rows = matrix[segment.first_row : segment.first_row + segment.n_rows]
            if len(rows) != segment.n_rows or hashlib.sha256(rows.data).hexdigest() != segment.checksum:
                raise CorruptIndexError(
                    f"{self.path}: rows {segment.first_row} to {segment.first_row + segment.n_rows} are not "
                    "what was written. Run ragkit repair, which embeds their texts anew"
                )
        if end != len(matrix):
            raise CorruptIndexError(
                f"{self.path}: the manifest vouches for {end} rows and counts {len(matrix)}. ragkit verify "
                "shows all that is damaged"
            )

    def matrix(self, n_rows: int) -> Vectors:
        """The first `n_rows` rows, mapped from the file, read-only, shape `[n, d]`.

        Raises:
            CorruptIndexError: the file is shorter than that.
        """
        if n_rows == 0:
            return np.empty((0, self.dimension), dtype=np.float32)
        needed = n_rows * self.dimension * 4
        try:
            # Looked at once it is open: a compaction may take the name away at any moment.
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                mapped = mmap.mmap(file.fileno(), needed, access=mmap.ACCESS_READ) if size >= needed else None
        except OSError as e:
            raise self._lost(0, n_rows) from e
        if mapped is None:
            raise self._lost(size, n_rows)
        return np.frombuffer(mapped, dtype="<f4").reshape(n_rows, self.dimension)

    def _lost(self, size: int, n_rows: int) -> CorruptIndexError:
        needed = n_rows * self.dimension * 4
        return CorruptIndexError(
            f"{self.path}: {size} bytes, and the manifest counts on {needed}. The vectors are lost: run "
            "ragkit repair, which embeds the texts anew, restore the folder from a copy, or ingest again "
            "into a new folder"
        )
