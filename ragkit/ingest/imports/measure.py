"""Whether to rank by cosine, as ragkit does, is to rank as the index did that the vectors are from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import ImportRefusedError
from ragkit.protocols import Metric, Vectors

_SAME_LENGTH = 1e-2
_QUERIES, _AMONG, _BEST = 64, 20_000, 10


@dataclass(frozen=True, slots=True)
class Measure:
    """By what vectors were compared, and what follows for a comparison by cosine.

    Args:
        metric: as the index says; None where it does not.
        shortest: the length of the shortest vector.
        longest: that of the longest one.
        overlap: which share of the ten nearest by the metric of the index is among the ten nearest by cosine,
            asked with vectors of the index; 1 where both must be the same.
    """

    metric: Metric | None
    shortest: float = field(kw_only=True)
    longest: float = field(kw_only=True)
    overlap: float = field(kw_only=True)

    @property
    def is_same(self) -> bool:
        """Whether both must rank alike: the index compared by cosine, or its vectors are of one length."""
        return self.metric == "cosine" or self.longest - self.shortest <= _SAME_LENGTH * self.longest


def measured(vectors: Vectors, rows: Sequence[int], metric: Metric | None) -> Measure:
    """Looks at the lengths of vectors, and where these differ, at what cosine would change.

    Args:
        vectors: shape `[n, d]`, as they are in the index.
        rows: which of them count.
        metric: by what they were compared there. Where that is not known, the distance is assumed.
    """
    if not rows:
        return Measure(metric, shortest=1.0, longest=1.0, overlap=1.0)
    at = np.asarray(rows)
    squares = np.concatenate([_squares(vectors[at[i : i + 4_096]]) for i in range(0, len(at), 4_096)])
    shortest, longest = (float(np.sqrt(f(squares))) for f in (np.min, np.max))
    found = Measure(metric, shortest=shortest, longest=longest, overlap=1.0)
    if found.is_same:
        return found
    overlap = _overlap(vectors, at, metric)
    return Measure(metric, shortest=shortest, longest=longest, overlap=overlap)


def refuse_another_order(measure: Measure) -> None:
    """Refuses vectors that cosine would rank otherwise than their index does.

    Raises:
        ImportRefusedError: it would.
    """
    if not measure.is_same:
        by = f"by {measure.metric}" if measure.metric else "by a metric that it does not name"
        raise ImportRefusedError(
            f"the index compares {by}, and its vectors are {measure.shortest:.3g} to {measure.longest:.3g} "
            f"long. ragkit compares by cosine, which ranks otherwise: {measure.overlap:.0%} of the ten "
            "nearest are the same. If the model is meant for cosine, as most are, say --accept-cosine; if it "
            "is meant for inner products of vectors of different lengths, embed anew with ragkit ingest"
        )


def unit(vectors: Vectors) -> Vectors:
    """The vectors at length 1, shape `[n, d]`."""
    wide = np.asarray(vectors, np.float64)
    return (wide / np.sqrt(_squares(wide))[:, None]).astype(np.float32)


def _squares(vectors: Vectors | NDArray[np.float64]) -> NDArray[np.float64]:
    wide = np.asarray(vectors, np.float64)
    squares: NDArray[np.float64] = np.einsum("ij,ij->i", wide, wide)
    return squares


def _overlap(vectors: Vectors, rows: NDArray[np.int64], metric: Metric | None) -> float:
    """Asked with vectors of the index itself, spread evenly over it, as are those that are ranked."""
    among = np.asarray(vectors[rows[_spread(len(rows), _AMONG)]], np.float64)
    asked = among[_spread(len(among), _QUERIES)]
    products, squares = asked @ among.T, _squares(among)
    by_cosine = products / np.sqrt(squares)
    own = products if metric == "inner product" else 2 * products - squares
    k = min(_BEST, len(among))
    best = [np.argsort(-scores, axis=1, kind="stable")[:, :k] for scores in (by_cosine, own)]
    return float(np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(*best, strict=True)]))


def _spread(n: int, at_most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, n - 1, min(n, at_most)).astype(np.int64))
