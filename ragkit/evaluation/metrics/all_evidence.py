"""All-evidence recall: does the top of the ranking hold all that the answer takes?"""

from __future__ import annotations

from dataclasses import dataclass

from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.coverage import covered_hops
from ragkit.evaluation.metrics.metric import Need


@dataclass(frozen=True, slots=True)
class AllEvidence:
    """1 where every hop of the evidence is covered by the first `k` passages of the ranking, else 0.

    A question of two hops needs both: a share would reward half a bridge, from which nothing can be answered.
    The joint requirement is that of Yang et al., "HotpotQA", EMNLP 2018, section 5 (an exact match of the
    supporting facts as a set), without its punishment of further passages, since it is a recall.
    What covered means: `ragkit.evaluation.metrics.coverage`.

    >>> AllEvidence(10).name
    'all_evidence_R@10'
    """

    k: int

    @property
    def name(self) -> str:
        """`all_evidence_R@k`."""
        return f"all_evidence_R@{self.k}"

    @property
    def needs(self) -> frozenset[Need]:
        """Evidence."""
        return frozenset({"evidence"})

    def of(self, case: Case) -> float | None:
        """1 or 0; None where no evidence is known."""
        evidence = case.question.evidence
        return float(all(covered_hops(evidence, case.outcome.ranking[: self.k]))) if evidence else None
