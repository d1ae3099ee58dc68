"""Token F1: how many words do the reply and an accepted answer share?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.accepted import best_of_accepted
from ragkit.evaluation.metrics.metric import Need


@dataclass(frozen=True, slots=True)
class TokenF1:
    """The best F1 of the words of the reply against those of an accepted answer, order aside.

    The definition of SQuAD 2.0; how words are told: `ragkit.evaluation.metrics.wording`. A long reply has a
    low one however right it is: look at `contains` beside it.

    >>> TokenF1().name
    'F1'
    """

    name: str = "F1"
    needs: frozenset[Need] = frozenset({"answers", "reply"})

    def of(self, case: Case) -> float | None:
        """From 0 to 1; None where there is no reply or nothing to compare it with."""
        return best_of_accepted(case, token_f1)


def token_f1(answer: list[str], given: list[str]) -> float:
    """The F1 of two bags of words; where one of them is empty, 1 if both are.

    >>> token_f1(["two", "years"], ["two", "whole", "years"])
    0.8
    """
    if not answer or not given:
        return float(answer == given)
    n_same = sum((Counter(answer) & Counter(given)).values())
    return 2 * n_same / (len(answer) + len(given))
