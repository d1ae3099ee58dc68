"""What a question needs to be found, and at which rank each stage had it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from ragkit.evaluation.dataset import Question
from ragkit.evaluation.metrics.coverage import COVERED, coverage
from ragkit.evaluation.outcome import Place
from ragkit.types import Span

MAX_DOCUMENTS = 8
"""More relevant documents than these have no row of their own."""


@dataclass(frozen=True, slots=True)
class Needed:
    """One thing that has to be found: any place of a hop of the evidence, or a relevant document.

    >>> needed = Needed("hop 1", places={"a.md": (Span(3, 9),)})
    >>> needed.rank((Place("c1", "a.md", spans=(Span(20, 30),)), Place("c2", "a.md", spans=(Span(0, 20),))))
    2
    """

    label: str
    places: Mapping[str, tuple[Span, ...] | None] = field(kw_only=True)

    def rank(self, places: tuple[Place, ...]) -> int | None:
        """The rank, from 1, down to which the passages together have it; None where all of them do not.

        Of evidence they must have as much as a measure asks for, see `metrics.coverage`.
        """
        there: defaultdict[str, list[Span]] = defaultdict(list)
        for rank, place in enumerate(places, 1):
            if place.document_id not in self.places:
                continue
            spans = self.places[place.document_id]
            there[place.document_id] += place.spans
            if spans is None or any(coverage(s, there[place.document_id]) >= COVERED for s in spans):
                return rank
        return None


def needed(question: Question, judged: Mapping[str, int]) -> tuple[Needed, ...]:
    """One for each hop of the evidence; where none is known, one for each relevant document."""
    hops: dict[int, dict[str, tuple[Span, ...]]] = {}
    for evidence in question.evidence:
        places = hops.setdefault(evidence.hop, {})
        places[evidence.document_id] = (*places.get(evidence.document_id, ()), evidence.span)
    if hops:
        label = "evidence" if len(hops) == 1 else "hop {}"
        return tuple(Needed(label.format(hop), places=hops[hop]) for hop in sorted(hops))
    relevant = [document for document, grade in judged.items() if grade >= 1][:MAX_DOCUMENTS]
    return tuple(Needed(document, places={document: None}) for document in relevant)
