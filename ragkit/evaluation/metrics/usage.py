"""What a question took: tokens of language models, and money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.metric import Need

_FIELDS: dict[str, Literal["input_tokens", "output_tokens", "usd"]] = {
    "tokens.in": "input_tokens",
    "tokens.out": "output_tokens",
    "usd": "usd",
}


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens given to language models (`tokens.in`), written by them (`tokens.out`), or US dollars (`usd`).

    Unknown is never 0: a question of which nothing is known is in no mean.

    >>> [Usage(name).name for name in USAGE]
    ['tokens.in', 'tokens.out', 'usd']
    """

    name: str
    needs: frozenset[Need] = frozenset()

    def of(self, case: Case) -> float | None:
        """The amount of this question; None where it is not known."""
        amount = getattr(case.outcome, _FIELDS[self.name])
        return None if amount is None else float(amount)


USAGE = tuple(_FIELDS)
"""The names that `Usage` takes."""
