"""Measures of citations after ALCE: do the cited passages bear the reply out, and does each carry weight?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ragkit.evaluation.case import Case
from ragkit.evaluation.metrics.alce import CitedSentence, alce
from ragkit.evaluation.metrics.metric import Need
from ragkit.evaluation.metrics.support import LexicalSupport, Supports
from ragkit.types import Citation, Sentence


@dataclass(frozen=True, slots=True)
class AlceMetric:
    """`citation.recall` or `citation.precision`.

    A passage is what the generator read of it, below its heading; several quotes from one passage are one
    citation. A passage that was not in the context, or whose document does not exist, counts as one that does
    not exist. What is judged is whether the whole passage bears the sentence out: `citation.support` looks at
    the quotes alone.

    >>> AlceMetric("recall").name
    'citation.recall'
    """

    side: Literal["recall", "precision"]
    supports: Supports = field(default_factory=LexicalSupport, kw_only=True)

    @property
    def name(self) -> str:
        """`citation.recall` or `citation.precision`."""
        return f"citation.{self.side}"

    @property
    def needs(self) -> frozenset[Need]:
        """A reply, and the passages that it was made from."""
        return frozenset({"reply", "context"})

    def of(self, case: Case) -> float | None:
        """From 0 to 1; None where there is no reply, or it abstained and says nothing to be borne out."""
        reply = case.outcome.reply
        if reply is None or reply.abstained:
            return None
        scores = alce([_cited(sentence, case) for sentence in reply.sentences], self.supports)
        return None if scores is None else scores.recall if self.side == "recall" else scores.precision


def _cited(sentence: Sentence, case: Case) -> CitedSentence:
    by_chunk = {citation.chunk_id: citation for citation in reversed(sentence.citations)}
    order = dict.fromkeys(citation.chunk_id for citation in sentence.citations)
    return CitedSentence(sentence.text, tuple(_passage(by_chunk[chunk], case) for chunk in order))


def _passage(citation: Citation, case: Case) -> str | None:
    text = case.texts.document(citation.document_id)
    places = (place for place in case.outcome.context if place.chunk_id == citation.chunk_id)
    place = next((place for place in places if place.document_id == citation.document_id), None)
    if text is None or place is None:
        return None
    return "\n".join(filter(None, (citation.heading, *(span.of(text) for span in place.spans))))
