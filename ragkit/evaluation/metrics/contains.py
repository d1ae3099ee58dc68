"""Containment: does the reply say an accepted answer, whatever else it says?"""

from __future__ import annotations

from dataclasses import dataclass

from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.accepted import best_of_accepted
from ragkit.evaluation.metrics.metric import Need
from ragkit.evaluation.metrics.wording import contains_words


@dataclass(frozen=True, slots=True)
class Contains:
    """1 where an accepted answer stands in the reply, its words one after the other, else 0.

    Made for replies in whole sentences, which no exact match finds right (`accuracy` in Mallen et al., "When
    Not to Trust Language Models", ACL 2023). A question that cannot be answered asks for an abstention.

    >>> Contains().name
    'contains'
    """

    name: str = "contains"
    needs: frozenset[Need] = frozenset({"answers", "reply"})

    def of(self, case: Case) -> float | None:
        """1 or 0; None where there is no reply or nothing to compare it with."""
        return best_of_accepted(case, _contained)


def _contained(answer: list[str], given: list[str]) -> float:
    return float(contains_words(given, answer) if answer else not given)
