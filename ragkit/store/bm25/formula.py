"""Lucene's BM25, as numbers: the one definition that the index and its checks share.

    idf(t)      = ln(1 + (N - df + 0.5) / (df + 0.5))
    weight(t,d) = idf(t) * tf / (tf + k1 * (1 - b + b * length / average_length))

Kamphuis, de Vries, Boytsov and Lin, "Which BM25 Do You Mean?" (ECIR 2020), table 1, row "Lucene (accurate)"
less its constant factor k1 + 1, which Lucene dropped in version 8 as it changes no order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Bm25:
    """The two parameters.

    Args:
        k1: how soon repeated occurrences stop to count, ≥ 0. 0.9 is Anserini's default for passages.
        b: how much a long text is held back, in [0, 1]. 0.4 is Anserini's default for passages.

    >>> round(Bm25().idf(n_chunks=10, n_with_term=1), 4)
    1.9924
    """

    k1: float = 0.9
    b: float = field(default=0.4)

    def __post_init__(self) -> None:
        if not (0 <= self.k1 < math.inf and 0 <= self.b <= 1):
            raise ConfigError(f"bm25: k1={self.k1}, b={self.b}: expected k1 >= 0 and b between 0 and 1")

    def idf(self, n_chunks: int, n_with_term: int) -> float:
        """How telling a term is that `n_with_term` of `n_chunks` chunks hold; always > 0."""
        return math.log(1 + (n_chunks - n_with_term + 0.5) / (n_with_term + 0.5))

    def norms(self, lengths: NDArray[np.int32], average: float) -> NDArray[np.float64]:
        """What is added to `tf` in the denominator, per chunk; `lengths` are in terms, repeats included."""
        relative = lengths / average if average > 0 else np.zeros(len(lengths))
        return np.asarray(self.k1 * (1 - self.b + self.b * relative), dtype=np.float64)
