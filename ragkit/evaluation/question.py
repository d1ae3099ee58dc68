"""A question of a dataset, with what is known of its answer and where that stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ragkit.types import Span, Turn

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Evidence:
    """A place in a document that proves the answer to a question, or a part of it.

    Args:
        document_id: the document.
        span: in characters of the canonical text, which is `CorpusRow.document().text`.
        hop: places of the same hop are alternatives; a question needs one place of each of its hops.

    >>> Evidence("a.md", span=Span(10, 25)).hop
    1
    """

    document_id: str
    span: Span = field(kw_only=True)
    hop: int = field(default=1, kw_only=True)


@dataclass(frozen=True, slots=True)
class Question:
    """A query of a dataset.

    Args:
        id: unique in its dataset.
        text: as it is asked.
        answers: the accepted ones, each a variant of one right answer; empty where none is known.
        evidence: the places that prove it; empty where none is known.
        is_answerable: False where the right answer is to abstain; None where the dataset does not say.
        history: earlier turns of the conversation that it belongs to.
        metadata: what else the dataset says of it, from its row and from `answers.jsonl`.

    >>> Question("q1", "How long is the warranty?", answers=("two years",)).answers
    ('two years',)
    """

    id: str
    text: str
    answers: tuple[str, ...] = field(default=(), kw_only=True)
    evidence: tuple[Evidence, ...] = field(default=(), kw_only=True)
    is_answerable: bool | None = field(default=None, kw_only=True)
    history: tuple[Turn, ...] = field(default=(), kw_only=True)
    metadata: Mapping[str, Any] = field(default_factory=lambda: _NOTHING, kw_only=True)
