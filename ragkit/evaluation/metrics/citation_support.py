"""Citation support: do the quotes that a reader is shown bear the sentences out?"""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.metric import Need
from ragkit.evaluation.metrics.support import LexicalSupport, Supports


@dataclass(frozen=True, slots=True)
class CitationSupport:
    """The share of cited sentences that their quotes, put together, bear out.

    Stricter than `citation.recall` in the premise, which is the quotes and not the passages around them, and
    milder in what it looks at: a sentence that cites nothing is left out.

    >>> CitationSupport().name
    'citation.support'
    """

    name: str = "citation.support"
    needs: frozenset[Need] = frozenset({"reply"})
    supports: Supports = field(default_factory=LexicalSupport, kw_only=True)

    def of(self, case: Case) -> float | None:
        """From 0 to 1; None where no sentence cites anything."""
        reply = case.outcome.reply
        cited = [sentence for sentence in reply.sentences if sentence.citations] if reply else []
        if not cited:
            return None
        n_supported = sum(
            self.supports("\n".join(citation.quote for citation in sentence.citations), sentence.text)
            for sentence in cited
        )
        return n_supported / len(cited)
