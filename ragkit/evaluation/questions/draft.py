"""A question as a rule drafts it, before anything is left out, and the sentences that rules look at."""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.types import Span


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of running text in its document.

    Args:
        document_id: the document.
        text: as it stands there, without line ends.
        span: its place.
        lang: ISO 639-1.
        headings: the titles above it, outermost first.
    """

    document_id: str
    text: str
    span: Span = field(kw_only=True)
    lang: str = field(kw_only=True)
    headings: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rule makes of a sentence: a question, and the words of the sentence that answer it.

    >>> Asked("number", "How long is an RMA number valid?", answers=("21 days",)).answers[0]
    '21 days'
    """

    kind: str
    text: str
    answers: tuple[str, ...] = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Draft:
    """A question with where its answer stands.

    Args:
        kind: the rule it comes from, see `ragkit.evaluation.questions.kinds`.
        text: as it is asked.
        document_id: the document that answers it.
        span: the place that does, in its canonical text.
        lang: ISO 639-1 of the question.
        answers: accepted ones, variants of one; empty where the question is what one would search with.
    """

    kind: str
    text: str
    document_id: str = field(kw_only=True)
    span: Span = field(kw_only=True)
    lang: str = field(kw_only=True)
    answers: tuple[str, ...] = field(default=(), kw_only=True)
