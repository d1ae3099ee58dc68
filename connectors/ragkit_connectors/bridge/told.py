"""Answers and passages as plain values, under the names that `ragkit ask --json` has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from ragkit.types import Answer, Citation, Hit, Sentence, Usage
from ragkit_connectors.bridge.metadata import joined, to_theirs


def answer_values(answer: Answer) -> dict[str, Any]:
    """The whole of an answer but its passages; JSON can hold it."""
    return {
        "answer": answer.text,
        "sentences": [sentence_values(sentence) for sentence in answer.sentences],
        "citations": [citation_values(citation) for citation in answer.citations],
        **rest_values(answer),
    }


def rest_values(answer: Answer) -> dict[str, Any]:
    """What of an answer is known when it is whole."""
    return {
        "abstained": answer.abstained,
        "reason": answer.reason,
        "dropped": [sentence_values(sentence) for sentence in answer.dropped],
        "degraded": list(answer.degraded),
        "confidence": answer.confidence,
        "short": None if answer.short is None else citation_values(answer.short),
        "usage": {name: getattr(answer.usage, name) for name in _OF_USAGE},
        "trace_id": answer.trace_id,
        "cached": answer.cached,
    }


def sentence_values(sentence: Sentence) -> dict[str, Any]:
    """A sentence with the markers of its citations, and what is wrong with it."""
    markers = list(dict.fromkeys(citation.marker for citation in sentence.citations))
    return {"text": sentence.text, "markers": markers, "problems": list(sentence.problems)}


def citation_values(citation: Citation) -> dict[str, Any]:
    """A citation: `quote` is the text of the document `document_id` from `start` to `end`."""
    return {name: getattr(citation, name) for name in _OF_CITATION}


def with_sources(text: str, citations: Sequence[Citation] | Sequence[Mapping[str, Any]]) -> str:
    """An answer's text with its sources below it, for a model or a person that sees only text.

    >>> with_sources("Two years. [1]", [{"marker": 1, "uri": "a.md", "document_id": "a", "quote": "2 years"}])
    'Two years. [1]\\n\\n[1] a.md: “2 years”'
    """
    rows = [c if isinstance(c, Mapping) else citation_values(c) for c in citations]
    lines = [f"[{c['marker']}] {c['uri'] or c['document_id']}: “{c['quote']}”" for c in rows]
    return "\n".join((text, "", *lines)) if lines else text


def hit_values(hit: Hit) -> dict[str, Any]:
    """A passage's metadata for another library: the document's own, and its place and scores."""
    chunk = hit.chunk
    return joined(
        to_theirs(chunk.metadata),
        {
            "id": chunk.id,
            "document_id": chunk.document_id,
            "uri": chunk.uri,
            "start": chunk.span.start,
            "end": chunk.span.end,
            "page": chunk.page,
            "heading": chunk.heading or None,
            "lang": None if chunk.lang == "und" else chunk.lang,
            "score": hit.score,
            "scores": dict(hit.scores),
            "keep": None,
        },
    )


# `asdict` copies what needs no copy, and takes ten times as long.
_OF_CITATION = tuple(f.name for f in fields(Citation))
_OF_USAGE = tuple(f.name for f in fields(Usage))
PLACE = frozenset(
    ("id", "document_id", "uri", "start", "end", "page", "heading", "lang", "score", "scores", "keep")
)
"""The names that `hit_values`, and what stands on it, gives to what is ours."""
