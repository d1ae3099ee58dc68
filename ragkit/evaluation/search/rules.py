"""How a race is run: its objectives, its budget, and when it is looked at."""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.evaluation.search.budget import Budget
from ragkit.evaluation.search.objective import Objective

PROBED = 5
"""Questions that every configuration is timed on before the race."""
MORE_TIME = 1.25
MAX_FAILED = 0.2
"""A configuration that fails on a larger share of the questions leaves the race."""
TIMED = 50
"""Questions that a configuration is timed on: enough to see a p95, and no more, for they are asked alone."""
MOST_CONFIRMED = 12
"""Of a longer front, those that span it best are confirmed: each more weakens what can be said of all."""
MOST_KEPT_BACK = 0.2
"""The share of the budget that is kept for the confirmation."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How a race is run.

    Args:
        objectives: what counts, the first one most.
        first: questions before the first look.
        alpha: the probability that any configuration is called worse than its equal.
        budget: of the whole search.
        seed: of the questions' order and of the tests.
    """

    objectives: tuple[Objective, ...]
    first: int = field(default=30, kw_only=True)
    alpha: float = field(default=0.05, kw_only=True)
    budget: Budget = field(default_factory=Budget, kw_only=True)
    seed: int = field(default=0, kw_only=True)


def looks(n_questions: int, first: int) -> list[int]:
    """After how many questions the race is looked at: each time twice as many, and at the end.

    >>> looks(210, 20)
    [20, 40, 80, 160, 210]
    """
    ends = []
    while first < n_questions:
        ends.append(first)
        first *= 2
    if ends and n_questions - ends[-1] < ends[0]:
        ends.pop()  # a last block of a few questions tells nothing
    return [*ends, n_questions]
