"""Where a passage says what a sentence claims: the few of its sentences that share the most of its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragkit.text.spans import contains
from ragkit.types import Chunk, Passage, ReadSentence, Span

MOST_SENTENCES = 3
# Of the claim's weight, what a further sentence must add.
LEAST_GAIN = 0.12
# What only the headings and the question say counts half, and makes up no more than this share of a claim.
HEADING_SHARE, MOST_OF_HEADINGS = 0.5, 0.15
# The least a further sentence shares with a claim besides numbers: a number alone stands in many places.
LEAST_WORDS = 0.15
Weights = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a passage has for a claim.

    Args:
        passage: its number in the context, from 1.
        spans: places in the document, in order; each is cited by itself.
        sentences: the texts of the sentences at these places, best first.
        coverage: the share of the claim's weight that they have, 0 to 1.
    """

    passage: int
    spans: tuple[Span, ...]
    sentences: tuple[str, ...]
    coverage: float

    def quotes(self, chunk: Chunk) -> list[str]:
        """The document's text at the spans."""
        return [span.shift(-chunk.span.start).of(chunk.text) for span in self.spans]


def align(
    weights: Weights,
    number: int,
    passage: Passage,
    sentences: Sequence[ReadSentence],
    heading: frozenset[str] = frozenset(),
) -> Evidence:
    """The places of a passage that bear a claim best; without spans where nothing is shared.

    The best sentence comes first, and others while each adds at least `LEAST_GAIN`. Sentences that follow
    one another make one span.

    Args:
        weights: the claim's terms and how much each of them tells.
        number: of the passage in its context.
        passage: nothing outside of what is kept of it is cited.
        sentences: of the passage's chunk.
        heading: terms of the headings above and of the question, which count half.
    """
    kept = [s for s in sentences if any(contains(keep, s.span) for keep in passage.keep)]
    total = sum(weights.values())
    chosen: list[int] = []
    covered: set[str] = set()
    while total and len(chosen) < MOST_SENTENCES:
        gains = [_gain(weights, s, covered, i in chosen) for i, s in enumerate(kept)]
        best = max(range(len(kept)), key=lambda i: (gains[i], -i), default=-1)
        if best < 0 or gains[best] < (LEAST_GAIN * total if chosen else 1e-9):
            break
        chosen.append(best)
        covered |= kept[best].terms & weights.keys()
    weight = sum(weights[t] for t in covered)
    around = sum(w for t, w in weights.items() if t in heading and t not in covered)
    weight += min(HEADING_SHARE * around, MOST_OF_HEADINGS * total)
    return Evidence(
        number,
        _spans(kept, chosen, passage.keep),
        tuple(kept[i].text for i in chosen),
        weight / total if total else 0.0,
    )


def _gain(weights: Weights, sentence: ReadSentence, covered: set[str], is_taken: bool) -> float:
    if is_taken:
        return 0.0
    shared = sentence.terms & weights.keys()
    if covered and sum(weights[t] for t in shared if not _is_number(t)) < LEAST_WORDS * sum(weights.values()):
        return 0.0
    new = sum(weights[t] for t in shared - covered)
    # Of two that share as much, the one that says less besides.
    return new * (1.0 + 0.1 * len(shared) / max(1, len(sentence.terms)))


def _is_number(term: str) -> bool:
    return term[0].isdecimal()


def _spans(kept: Sequence[ReadSentence], chosen: Sequence[int], keep: Sequence[Span]) -> tuple[Span, ...]:
    spans: list[Span] = []
    previous = -2
    for i in sorted(chosen):
        whole = Span(spans[-1].start, kept[i].span.end) if i == previous + 1 else None
        if whole is not None and any(contains(outer, whole) for outer in keep):
            spans[-1] = whole
        else:
            spans.append(kept[i].span)
        previous = i
    return tuple(spans)
