"""Vectors of another library's embedder, proven: one for each text, of one dimension, finite, unit length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ragkit.errors import ModelError
from ragkit.protocols import Vectors


def unit_vectors(found: Sequence[Any], *, n: int, dimension: int | None, name: str) -> Vectors:
    """The vectors as a float32 array of unit rows, shape `[n, d]`.

    Raises:
        ModelError: their number or dimension is another one, or one is NaN, infinite or all zeros.

    >>> unit_vectors([[3.0, 4.0]], n=1, dimension=2, name="toy").tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """
    if len(found) != n:
        raise ModelError(f"{name} gave {len(found)} vectors for {n} texts. Use another version or model")
    if not n:
        return np.empty((0, dimension or 0), dtype=np.float32)
    lengths = {len(vector) for vector in found}
    if len(lengths) > 1 or (dimension is not None and lengths - {dimension}):
        expected = f"expected {dimension}" if dimension is not None else "expected one for all"
        raise ModelError(
            f"{name} gave vectors of dimension {', '.join(map(str, sorted(lengths)))}: {expected}. "
            "An index holds one dimension: use the model that it was made with"
        )
    vectors = np.asarray(found, dtype=np.float64).reshape(n, -1)
    # Of numbers so large that their squares are infinite, the length is too, and unit length would be zeros.
    with np.errstate(over="ignore"):
        sizes = np.linalg.norm(vectors, axis=1)
    if not np.isfinite(sizes).all():
        row = int(np.flatnonzero(~np.isfinite(sizes))[0])
        raise ModelError(
            f"{name} gave NaN or infinity for text {row + 1} of {n}. Check the text, or the model"
        )
    if not sizes.all():
        row = int(np.flatnonzero(sizes == 0)[0])
        raise ModelError(
            f"{name} gave a vector of zeros for text {row + 1} of {n}, which points nowhere. Check the text, "
            "or the model"
        )
    return np.asarray(vectors / sizes[:, None], dtype=np.float32)
