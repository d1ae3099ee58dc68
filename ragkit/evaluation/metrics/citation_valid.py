"""Citation validity: is every quote the text of its document, at the place it names?"""

from __future__ import annotations

from dataclasses import dataclass

from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.metric import Need
from ragkit.types import Citation


@dataclass(frozen=True, slots=True)
class CitationValid:
    """The share of citations whose document exists and has the quote at its place, character for character.

    1.0 is a promise of the library, not an aim: anything less is a fault. It is checked against the texts of
    the dataset, not against what the index says that they are.

    >>> CitationValid().name
    'citation.valid'
    """

    name: str = "citation.valid"
    needs: frozenset[Need] = frozenset({"reply"})

    def of(self, case: Case) -> float | None:
        """From 0 to 1; None where nothing is cited."""
        reply = case.outcome.reply
        citations = [c for sentence in reply.sentences for c in sentence.citations] if reply else []
        return (
            sum(_is_valid(citation, case) for citation in citations) / len(citations) if citations else None
        )


def _is_valid(citation: Citation, case: Case) -> bool:
    text = case.texts.document(citation.document_id)
    if text is None or not 0 <= citation.start < citation.end <= len(text):
        return False
    return text[citation.start : citation.end] == citation.quote
