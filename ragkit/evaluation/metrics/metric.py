"""What a measure of rankings is: a name and a value for each query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class Metric(Protocol):
    """A measure of one query's ranking. `ranking.RankingMetric` is one; your own needs these two alone.

    >>> class Found:
    ...     name = "Found"
    ...
    ...     def score(self, ranked, judged):
    ...         return float(any(judged.get(document, 0) > 0 for document in ranked))
    >>> isinstance(Found(), Metric)
    True
    """

    @property
    def name(self) -> str:
        """What its column is called: `nDCG@10`."""
        ...

    def score(self, ranked: Sequence[str], judged: Mapping[str, int]) -> float:
        """The value of one ranking.

        Args:
            ranked: document ids, best first, each once.
            judged: grades by document id; what is not in it was not judged.

        Returns:
            A finite number.
        """
        ...
