"""What is known of a configuration at a moment of the search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ragkit.evaluation.search.evaluator import Block
from ragkit.evaluation.search.grid import Candidate
from ragkit.evaluation.search.objective import Objective

Fate = Literal["racing", "worse", "set aside", "failing"]
"""`racing`: still in; `worse`: shown to be worse than another one; `set aside`: less promising than others
when the budget did not suffice for all, which is not to say that it is worse; `failing`: it gave errors."""


@dataclass(slots=True)
class Standing:
    """One configuration with its values so far.

    Args:
        candidate: the configuration.
        values: by measure, then question.
        failed: by question that ended in an error, what it said.
        seconds: by question that was timed.
        fate: whether it is still in the race, and if not, how it left.
        why: of the fate, in words.
        beaten_by: the id of a configuration that it is shown to be worse than.
    """

    candidate: Candidate
    values: dict[str, dict[str, float]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    asked: int = 0
    fate: Fate = "racing"
    why: str = ""
    beaten_by: str = ""

    def add(self, block: Block, n_asked: int) -> None:
        """Takes the results of further questions."""
        self.asked += n_asked
        self.failed.update(block.failed)
        for metric, values in block.values.items():
            self.values.setdefault(metric, {}).update(values)

    def mean(self, objective: Objective) -> float | None:
        """The objective's value so far; None where nothing is known of it."""
        values = self.seconds if objective.is_latency else self.values.get(objective.metric, {})
        return summary(values, objective)

    def means(self, objectives: Sequence[Objective]) -> dict[str, float]:
        """The values so far by measure, those that are known."""
        found = {objective.metric: self.mean(objective) for objective in objectives}
        return {metric: value for metric, value in found.items() if value is not None}


def summary(values: Mapping[str, float], objective: Objective) -> float | None:
    """The mean of values, or their percentile for an objective that asks for one; None without values."""
    if not values:
        return None
    if objective.percent is None:
        return float(np.mean(list(values.values())))
    return float(np.percentile(list(values.values()), objective.percent))


def points(standings: Sequence[Standing], objectives: Sequence[Objective]) -> NDArray[np.float64]:
    """`[n, objectives]`, more is better: what the configurations reach in each objective.

    All of them must have a value in each.
    """
    rows = [
        [objective.gain(mean) for objective in objectives if (mean := standing.mean(objective)) is not None]
        for standing in standings
    ]
    return np.array(rows, dtype=np.float64).reshape(len(standings), len(objectives))


def gains(
    standings: Sequence[Standing], objectives: Sequence[Objective], questions: Sequence[str]
) -> NDArray[np.float64]:
    """`[n, questions, objectives]`, more is better, NaN where there is no value."""
    made = np.full((len(standings), len(questions), len(objectives)), np.nan)
    for row, standing in enumerate(standings):
        for column, objective in enumerate(objectives):
            values = standing.values.get(objective.metric, {})
            made[row, :, column] = [objective.gain(values.get(question, np.nan)) for question in questions]
    return made
