"""What a system found for each query."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from ragkit.errors import EvalError

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Run:
    """A system's rankings: scores by query id, then document id.

    The order of documents is that of trec_eval: by score as a 32-bit float, the higher first, then by
    document id, the *higher* first. Two scores that are equal as 32-bit floats tie. `Run.of_orders` makes a
    run that keeps an order whatever the scores were.

    Args:
        name: what the system is called; the tag of a TREC run file.
        scores: an empty ranking says that the system was asked and found nothing.
        failed: what went wrong, by query id. These queries have no ranking; they are counted, never scored.
        degraded: by query id, the stages that failed and were done without. These queries are scored.
        seconds: how long each query took.

    Raises:
        EvalError: a score is no finite number, or a query both failed and has a ranking.

    >>> Run("mine", scores={"q1": {"a": 1.0, "b": 2.0, "c": 1.0}}).ranked("q1")
    ['b', 'c', 'a']
    """

    name: str
    scores: Mapping[str, Mapping[str, float]] = field(kw_only=True, repr=False)
    failed: Mapping[str, str] = field(default_factory=lambda: _NOTHING, kw_only=True, repr=False)
    degraded: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: _NOTHING, kw_only=True, repr=False
    )
    seconds: Mapping[str, float] = field(default_factory=lambda: _NOTHING, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        for query, ranking in self.scores.items():
            if query in self.failed:
                raise EvalError(f"run {self.name!r}: query {query!r} failed and has a ranking: expected one")
            for document, score in ranking.items():
                if not math.isfinite(score):
                    raise EvalError(
                        f"run {self.name!r}: query {query!r}, document {document!r}: score {score}: "
                        "expected a finite number"
                    )

    @classmethod
    def of_orders(cls, name: str, orders: Mapping[str, Iterable[str]], **more: Any) -> Run:
        """The run that ranks documents as given, best first; one that is repeated keeps its first place.

        >>> Run.of_orders("mine", {"q1": ["a", "b", "a"]}).scores["q1"]
        {'a': 2.0, 'b': 1.0}
        """
        return cls(name, scores={query: scores_of_order(order) for query, order in orders.items()}, **more)

    def ranked(self, query: str) -> list[str]:
        """The documents found for a query, best first; none if it is not in the run."""
        ranking = self.scores.get(query)
        if not ranking:
            return []
        with np.errstate(over="ignore"):
            rounded = np.array(list(ranking.values()), dtype=np.float32).tolist()
        return [document for _, document in sorted(zip(rounded, ranking, strict=True), reverse=True)]


def scores_of_order(order: Iterable[str]) -> dict[str, float]:
    """Scores that put documents in the order given: n for the first of n, 1 for the last."""
    documents = list(dict.fromkeys(order))
    return {document: float(len(documents) - place) for place, document in enumerate(documents)}
