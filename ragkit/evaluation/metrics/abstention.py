"""Abstention: does the pipeline decline exactly where no answer exists?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.metric import Floats, Need


@dataclass(frozen=True, slots=True)
class Abstention:
    """`abstention.precision`, `abstention.recall` or `abstention.F1` over a set of questions.

    To abstain is the positive decision, that a question cannot be answered is the truth. Precision is the
    share of abstentions that were right; recall is the share of unanswerable questions that were declined.

    >>> import numpy as np
    >>> declined_and_unanswerable = np.array([[1, 1], [1, 0], [0, 0], [0, 1], [1, 1]], dtype=float)
    >>> [round(Abstention(side).value(declined_and_unanswerable), 2) for side in ("precision", "F1")]
    [0.67, 0.67]
    """

    side: Literal["precision", "recall", "F1"]

    @property
    def name(self) -> str:
        """`abstention.precision`, `abstention.recall` or `abstention.F1`."""
        return f"abstention.{self.side}"

    @property
    def needs(self) -> frozenset[Need]:
        """Whether questions can be answered, and replies."""
        return frozenset({"answerable", "reply"})

    def parts(self, case: Case) -> tuple[float, ...] | None:
        """Whether it abstained, whether it should have; None where either is not known.

        A question that is not marked can be answered where an answer, evidence or a relevant document is
        known: who marks the unanswerable ones alone would else see no abstention that was wrong.
        """
        answerable, reply = case.question.is_answerable, case.outcome.reply
        if answerable is None and _has_gold(case):
            answerable = True
        return (
            None if reply is None or answerable is None else (float(reply.abstained), float(not answerable))
        )

    def value(self, parts: Floats) -> float | None:
        """From 0 to 1; None for the precision of no abstention, the recall of no unanswerable question."""
        value = float(self.weighted(parts, np.ones((1, len(parts))))[0])
        return None if np.isnan(value) else value

    def weighted(self, parts: Floats, weights: Floats) -> Floats:
        """`value` of each resample."""
        declined, unanswerable = parts[:, 0], parts[:, 1]
        counts = weights @ np.column_stack((declined * unanswerable, declined, unanswerable))
        n_right, n_declined, n_unanswerable = counts[:, 0], counts[:, 1], counts[:, 2]
        above, below = {
            "precision": (n_right, n_declined),
            "recall": (n_right, n_unanswerable),
            "F1": (2 * n_right, n_declined + n_unanswerable),
        }[self.side]
        below = np.where(below > 0, below, np.nan)
        return np.asarray(above / below, dtype=np.float64)


def _has_gold(case: Case) -> bool:
    relevant = any(grade > 0 for grade in case.judged.values())
    return bool(case.question.answers or case.question.evidence or relevant)
