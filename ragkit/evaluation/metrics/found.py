"""Recall of each stage: is what the answer takes among what a node gave?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.coverage import covered_hops
from ragkit.evaluation.metrics.metric import Need
from ragkit.evaluation.outcome import Place


@dataclass(frozen=True, slots=True)
class Found:
    """The share of the gold that is among the passages of a node, at whatever depth it gives.

    The gold is the evidence, hop by hop. Where no evidence is known it is any relevant document: 1 where a
    passage of one is there, else 0. An arm that searched with several queries has what any of them found; a
    node that failed and was done without has nothing.

    >>> Found("dense").name
    'found.dense'
    """

    node: str

    @property
    def name(self) -> str:
        """`found.NODE`."""
        return f"found.{self.node}"

    @property
    def needs(self) -> frozenset[Need]:
        """Evidence or judgements."""
        return frozenset({"gold"})

    def of(self, case: Case) -> float | None:
        """From 0 to 1; None where no gold is known, or the node gave nothing for this question to look at
        because it did not run."""
        found = [found for found in case.outcome.found if found.node == self.node]
        there = gold_found(case, (place for one in found for place in one.places))
        ran = bool(found) or self.node in case.outcome.degraded
        return sum(there) / len(there) if ran and there else None


def gold_found(case: Case, places: Iterable[Place]) -> list[bool]:
    """Whether each piece of gold is there: each hop of the evidence, or else any relevant document.

    Empty where no gold is known.
    """
    if case.question.evidence:
        return covered_hops(case.question.evidence, places)
    relevant = {document for document, grade in case.judged.items() if grade > 0}
    return [any(place.document_id in relevant for place in places)] if relevant else []
