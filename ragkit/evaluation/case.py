"""One question with what is known of it and what a pipeline made of it: all that a measure may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ragkit.evaluation.dataset import Question
from ragkit.evaluation.outcome import Outcome


class Texts(Protocol):
    """The corpus of a run, by id."""

    def document(self, document_id: str) -> str | None:
        """The canonical text, which spans count in; None where there is no such document."""
        ...


@dataclass(frozen=True, slots=True)
class Case:
    """What a measure looks at.

    Args:
        question: with its accepted answers and its evidence.
        judged: grades by document id; empty where no document was judged.
        outcome: of a pipeline that came to its end: one with an `error` is counted, never measured.
        texts: the documents' texts, to check citations and spans against.
    """

    question: Question
    judged: Mapping[str, int] = field(kw_only=True)
    outcome: Outcome = field(kw_only=True)
    texts: Texts = field(kw_only=True, repr=False)
