"""An answer as the page's script reads it: sentences with their citations, each with its place."""

from __future__ import annotations

from typing import Any

from ragkit.evaluation.outcome import Outcome
from ragkit.evaluation.page.embedded import rounded
from ragkit.evaluation.page.passages import Passages, Weight
from ragkit.types import Citation, Sentence, Span


def reply_data(outcome: Outcome, passages: Passages) -> dict[str, Any] | None:
    """The answer; None where the pipeline gave none."""
    reply = outcome.reply
    if reply is None:
        return None
    data = {
        "text": reply.text,
        "sentences": [_sentence(sentence, passages) for sentence in reply.sentences],
        "dropped": [_sentence(sentence, passages) for sentence in reply.dropped],
        "abstained": reply.abstained or None,
        "reason": reply.reason,
        "generator": reply.generator or None,
    }
    return {key: value for key, value in data.items() if value not in (None, [])}


def _sentence(sentence: Sentence, passages: Passages) -> list[Any]:
    return [sentence.text, [_citation(citation, passages) for citation in sentence.citations]]


def _citation(citation: Citation, passages: Passages) -> dict[str, Any]:
    text = passages.document(citation.document_id)
    span = Span(citation.start, max(citation.start, citation.end)) if citation.start >= 0 else None
    data = {
        "marker": citation.marker,
        "document": citation.document_id,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "support": rounded(citation.support),
        "where": _where(citation) or None,
        "passage": span
        and passages.around(citation.document_id, span, Weight.CITED, chunk_id=citation.chunk_id),
        # None where there is no text to check it against.
        "exact": None if text is None or span is None else span.of(text) == citation.quote,
    }
    return {key: value for key, value in data.items() if value is not None}


def _where(citation: Citation) -> str:
    page = f"p. {citation.page}" if citation.page else ""
    return ", ".join(part for part in (citation.heading, page) if part)
