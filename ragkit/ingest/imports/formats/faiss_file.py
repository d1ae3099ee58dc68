"""The metric of a FAISS file, and its vectors where it keeps them as they are, read without faiss.

A file begins with four letters for the kind of index, then `d` (int32), `n` (int64), two unused int64, a byte
and the metric (int32), little-endian; a flat index then has the number of its floats and the floats. Layout:
`write_index_header` of faiss, impl/index_write.cpp, the same since its first releases.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ragkit.errors import ConfigError
from ragkit.protocols import Metric, Vectors

_HEADER = struct.Struct("<4siqqqBi")
_COUNT = struct.Struct("<Q")
_FLAT = (b"IxF2", b"IxFI", b"IxFl")
_METRICS: dict[int, Metric] = {0: "inner product", 1: "l2"}


@dataclass(frozen=True, slots=True)
class FaissHeader:
    """What the head of a FAISS file says; `kind` is its four letters, such as `IxF2`."""

    kind: str
    dimension: int = field(kw_only=True)
    n: int = field(kw_only=True)
    metric: Metric | None = field(kw_only=True)

    @property
    def is_flat(self) -> bool:
        """Whether the vectors lie in the file as they were added."""
        return self.kind.encode() in _FLAT


def read_header(path: Path) -> FaissHeader:
    """The head of a FAISS file.

    Raises:
        ConfigError: it is too short, or begins with no kind of index.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER.size)
    if len(head) < _HEADER.size or head[:2] not in (b"Ix", b"Iw", b"IH", b"IB"):
        raise ConfigError(f"{path}: no file as faiss.write_index writes it, or its beginning alone")
    kind, dimension, n, _, _, _, metric = _HEADER.unpack(head)
    return FaissHeader(kind.decode("latin-1"), dimension=dimension, n=n, metric=_METRICS.get(metric))


def flat_vectors(path: Path) -> Vectors:
    """The vectors of a flat index, shape `[n, d]`, in the order in which they were added.

    Raises:
        ConfigError: the index is of another kind, or the file is cut off.
    """
    header = read_header(path)
    if not header.is_flat:
        raise ConfigError(
            f"{path}: an index of kind {header.kind!r}, which keeps its vectors in a way of its own. "
            "Only flat ones are read here: export the vectors from the library that made it, "
            "see docs/guide/import.md"
        )
    n_bytes = path.stat().st_size - _HEADER.size - _COUNT.size
    n_floats = header.n * header.dimension
    with path.open("rb") as file:
        file.seek(_HEADER.size)
        count = file.read(_COUNT.size)
        whole = len(count) == _COUNT.size and header.dimension > 0 and header.n >= 0
        # Old releases count floats, new ones four bytes of code each: the same number.
        if not whole or _COUNT.unpack(count)[0] != n_floats or n_bytes != 4 * n_floats:
            raise ConfigError(
                f"{path}: {n_bytes:,} bytes of vectors, expected {4 * n_floats:,} for {header.n:,} of "
                f"{header.dimension} numbers. Was it cut off? Save it again from the library that made it"
            )
        data = np.fromfile(file, dtype="<f4", count=n_floats)
    return data.astype(np.float32, copy=False).reshape(header.n, header.dimension)
