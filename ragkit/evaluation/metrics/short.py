"""Exact match and F1 of short answers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.exact_match import ExactMatch
from ragkit.evaluation.metrics.metric import Need
from ragkit.evaluation.metrics.token_f1 import TokenF1


@dataclass(frozen=True, slots=True)
class Short:
    """`EM` or `F1` of the short answer that a reply gives beside its sentences; of these where it gives none.

    Args:
        measure: of the two.

    >>> Short(ExactMatch()).name
    'short.EM'
    """

    measure: ExactMatch | TokenF1
    needs: frozenset[Need] = field(default=frozenset({"answers", "reply"}), kw_only=True)

    @property
    def name(self) -> str:
        """The name of the measure."""
        return f"short.{self.measure.name}"

    def of(self, case: Case) -> float | None:
        """From 0 to 1; None where there is no reply or nothing to compare it with."""
        reply = case.outcome.reply
        if reply is None or reply.abstained or reply.short is None:
            return self.measure.of(case)
        said = replace(reply, text=reply.short.quote, sentences=())
        return self.measure.of(replace(case, outcome=replace(case.outcome, reply=said)))
