"""Citations against the evidence: the stricter measures, which ask for the right place.

A citation *agrees* with a piece of evidence when the two share at least half of the shorter one. Evidence may
be two words in a quoted sentence, or a whole paragraph of which one sentence is quoted: both agree. Two
sentences of one paragraph do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ragkit.evaluation.case import Case
from ragkit.evaluation.dataset import Evidence
from ragkit.evaluation.metrics.coverage import COVERED, hops
from ragkit.evaluation.metrics.metric import Need
from ragkit.types import Citation


@dataclass(frozen=True, slots=True)
class CitationSpans:
    """`citation.span_precision`, the share of citations that agree with a piece of evidence, or
    `citation.span_recall`, the share of hops that a citation agrees with.

    No judgement of meaning is asked, so nothing can be lenient: a right answer from a place that nobody
    marked counts as wrong. Read it beside `citation.precision`.

    >>> CitationSpans("precision").name
    'citation.span_precision'
    """

    side: Literal["recall", "precision"]

    @property
    def name(self) -> str:
        """`citation.span_recall` or `citation.span_precision`."""
        return f"citation.span_{self.side}"

    @property
    def needs(self) -> frozenset[Need]:
        """Evidence, and a reply."""
        return frozenset({"evidence", "reply"})

    def of(self, case: Case) -> float | None:
        """From 0 to 1, both 0 for a reply that cites nothing; None where no evidence is known, there is no
        reply or it abstained."""
        evidence, reply = case.question.evidence, case.outcome.reply
        if not evidence or reply is None or reply.abstained:
            return None
        citations = {citation for sentence in reply.sentences for citation in sentence.citations}
        if self.side == "recall":
            there = [any(agrees(c, place) for c in citations for place in hop) for hop in hops(evidence)]
        else:
            there = [any(agrees(citation, place) for place in evidence) for citation in citations]
        return sum(there) / len(there) if there else 0.0


def agrees(citation: Citation, evidence: Evidence) -> bool:
    """Whether a citation and a piece of evidence share at least half of the shorter of them."""
    if citation.document_id != evidence.document_id:
        return False
    span = evidence.span
    n_shared = min(citation.end, span.end) - max(citation.start, span.start)
    return n_shared > 0 and n_shared >= COVERED * min(citation.end - citation.start, len(span))
