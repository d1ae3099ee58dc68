"""What ranks by terms, and the inverted index that it reads, must offer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ragkit.protocols.models import Vectors


@dataclass(frozen=True, slots=True, eq=False)
class TermRows:
    """A term's rows, ascending, and how often it occurs in each; both int32, shape `[df]`."""

    rows: NDArray[np.int32]
    counts: NDArray[np.int32]


class TermPostings(Protocol):
    """An inverted index over consecutive rows: what a ranker reads."""

    @property
    def first_row(self) -> int:
        """The row that `TermRows` count from."""
        ...

    @property
    def lengths(self) -> NDArray[np.int32]:
        """How many terms each row has, repeats included."""
        ...

    def of_term(self, term: str) -> TermRows:
        """Where a term occurs; nowhere if it is unknown."""
        ...

    def items(self) -> Iterator[tuple[str, TermRows]]:
        """All terms with the rows that hold them."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RowScores:
    """Rows and their scores, in any order: every row with a share in the first k is among them.

    `ceiling` is what a perfect match would score: the sum of the terms' idf, repeats counted.
    """

    rows: NDArray[np.intp]
    scores: Vectors
    ceiling: float


class TermRanker(Protocol):
    """Ranks one tenant's rows at one commit by their terms."""

    def search(self, terms: Sequence[str], k: int, allowed: NDArray[np.bool_] | None) -> RowScores:
        """Every row that may be among the `k` best of `allowed` (all rows, if None), with its score.

        Only rows that hold one of the terms.
        """
        ...


@runtime_checkable
class RankerFactory(Protocol):
    """Makes rankers: what `bm25: {use: …}` names."""

    def over(self, segments: Sequence[TermPostings], live: NDArray[np.bool_] | None) -> TermRanker:
        """A ranker over the segments' rows, of which `live` (all, if None) are the population."""
        ...
