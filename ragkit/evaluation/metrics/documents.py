"""Measures of rankings over the documents of an outcome: `nDCG@10`, `R@100`, `RR@10` and their like."""

from __future__ import annotations

from dataclasses import dataclass

from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.metric import Need, RankedMetric


@dataclass(frozen=True, slots=True)
class DocumentMetric:
    """A measure of rankings, applied to what the last ranking node gave.

    A document stands where its first passage stands. A question without judgements is not measured; one
    for which nothing was found is, with the value that the measure has for an empty ranking.

    >>> from ragkit.evaluation.metrics.ranking import parse_metric
    >>> DocumentMetric(parse_metric("nDCG@10")).name
    'nDCG@10'
    """

    metric: RankedMetric

    @property
    def name(self) -> str:
        """The name of the measure of rankings."""
        return self.metric.name

    @property
    def needs(self) -> frozenset[Need]:
        """Judgements."""
        return frozenset({"qrels"})

    def of(self, case: Case) -> float | None:
        """The measure of this question's documents; None where none was judged."""
        return self.metric.score(case.outcome.ranked, case.judged) if case.judged else None
