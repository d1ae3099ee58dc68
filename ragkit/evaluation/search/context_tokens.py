"""How much a generator is given to read: a cost that is known without asking a language model."""

from __future__ import annotations

from dataclasses import dataclass

from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.metric import Need
from ragkit.text.tokens import count_tokens

NAME = "context.tokens"


@dataclass(frozen=True, slots=True)
class ContextTokens:
    """The tokens, by estimate, of the passages in the context as far as they are kept.

    >>> ContextTokens().name
    'context.tokens'
    """

    name: str = NAME
    needs: frozenset[Need] = frozenset({"context"})

    def of(self, case: Case) -> float | None:
        """The number of this question; None where a passage's document is not there."""
        total = 0
        for place in case.outcome.context:
            text = case.texts.document(place.document_id)
            if text is None:
                return None
            total += sum(count_tokens(text[span.start : span.end]) for span in place.spans)
        return float(total)
