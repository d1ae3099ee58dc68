"""Exact match: does the reply say an accepted answer, that and nothing else?"""

from __future__ import annotations

from dataclasses import dataclass

from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.accepted import best_of_accepted
from ragkit.evaluation.metrics.metric import Need


@dataclass(frozen=True, slots=True)
class ExactMatch:
    """1 where the reply is one of the accepted answers, word for word, else 0.

    The definition of SQuAD 2.0; how words are told: `ragkit.evaluation.metrics.wording`.

    >>> ExactMatch().name
    'EM'
    """

    name: str = "EM"
    needs: frozenset[Need] = frozenset({"answers", "reply"})

    def of(self, case: Case) -> float | None:
        """1 or 0; None where there is no reply or nothing to compare it with."""
        return best_of_accepted(case, lambda answer, given: float(answer == given))
