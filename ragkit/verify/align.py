"""Where a passage says what a sentence claims: the few of its sentences that share the most of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ragkit.text.spans import contains
from ragkit.types import Chunk, Passage, ReadSentence, Span
from ragkit.verify.same import is_number, same_quantities, shared_terms

# A long claim draws on more sentences: one more for so many of its terms.
MOST_SENTENCES, TERMS_A_SENTENCE = 3, 10
# Of the claim's weight, what a further sentence must add.
LEAST_GAIN = 0.12
# What only the headings and the question say counts half, and makes up no more than this share of a claim.
HEADING_SHARE, MOST_OF_HEADINGS = 0.5, 0.15
# The least a further sentence shares with a claim besides numbers: a number alone stands in many places.
LEAST_WORDS = 0.15
# A sentence that is so near in meaning is taken besides those that share words, where these cover less.
NEAR, WELL_COVERED = 0.45, 0.8
_ITEM = re.compile(r"\s*(?:[-*•–]|\d{1,3}[.)])\s+")
_DENYING = re.compile(r"\b(?:not|never|cannot|no|не|нет|нельзя)\b|n't\b", re.IGNORECASE)
_RELATIVE = re.compile(r"\b(?:that|which|who|котор\w+)\b", re.IGNORECASE)
_DENYING = re.compile(r"\b(?:not|never|cannot|no|не|нет|нельзя)\b|n't\b", re.IGNORECASE)
_RELATIVE = re.compile(r"\b(?:that|which|who|котор\w+)\b", re.IGNORECASE)
_ENDS, _LEADING_WORDS = (".", "!", "?", "…"), 12
MOST_EMBEDDED = 32
Weights = Mapping[str, float]
Nearness = Callable[[Sequence[str]], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a passage has for a claim.

    Args:
        passage: its number in the context, from 1.
        spans: places in the document, in order; each is cited by itself.
        sentences: the texts of the sentences at these places, best first.
        coverage: the share of the claim's weight that they have, 0 to 1.
        led: the sentences, those that are items of a list after the heading or the words that lead to it.
    """

    passage: int
    spans: tuple[Span, ...]
    sentences: tuple[str, ...]
    coverage: float
    led: tuple[str, ...] = ()

    def quotes(self, chunk: Chunk) -> list[str]:
        """The document's text at the spans."""
        return [span.shift(-chunk.span.start).of(chunk.text) for span in self.spans]


def align(
    claim: str,
    weights: Weights,
    number: int,
    passage: Passage,
    sentences: Sequence[ReadSentence],
    heading: frozenset[str] = frozenset(),
    nearness: Nearness | None = None,
) -> Evidence:
    """The places of a passage that bear a claim best; without spans where nothing is shared.

    The best sentence comes first, and others while each adds at least `LEAST_GAIN`; then the ones that state
    numbers of the claim which these do not. Sentences that follow one another make one span.

    Args:
        claim: as it was written.
        weights: the claim's terms and how much each of them tells.
        number: of the passage in its context.
        passage: nothing outside of what is kept of it is cited.
        sentences: of the passage's chunk.
        heading: terms of the headings above and of the question, which count half.
        nearness: how near sentences are to the claim in meaning, 0 to 1, where a model can tell. It is asked
            only where words leave a part of the claim open.
    """
    kept = [s for s in sentences if any(contains(keep, s.span) for keep in passage.keep)]
    if not claim.rstrip().endswith("?"):
        kept = [s for s in kept if not s.text.rstrip().endswith("?")] or kept  # a question states nothing
    shared = [_shared(claim, weights, s) for s in kept]
    total = sum(weights.values())
    chosen: list[int] = []
    covered: set[str] = set()
    most = MOST_SENTENCES + len(weights) // TERMS_A_SENTENCE
    while total and len(chosen) < most:
        gains = [0.0 if i in chosen else _gain(weights, shared[i], s, covered) for i, s in enumerate(kept)]
        best = max(range(len(kept)), key=lambda i: (gains[i], -i), default=-1)
        if best < 0 or gains[best] < (LEAST_GAIN * total if chosen else 1e-9):
            break
        chosen.append(best)
        covered |= shared[best]
    if nearness is not None and _weight(weights, covered) < WELL_COVERED * total:
        nearest = _nearest(nearness, kept, [_weight(weights, terms) for terms in shared])
        if nearest is not None and nearest not in chosen:
            chosen.insert(0, nearest)
            covered |= shared[nearest]
    for i in _stating(weights, shared, covered) if chosen else ():
        chosen.append(i)
        covered |= shared[i]
    weight = sum(weights[t] for t in covered)
    around = sum(weights[t] for t in shared_terms(weights.keys() - covered, heading))
    weight += min(HEADING_SHARE * around, MOST_OF_HEADINGS * total)
    return Evidence(
        number,
        _spans(kept, chosen, passage.keep),
        tuple(kept[i].text for i in chosen),
        min(1.0, weight / total) if total else 0.0,
        tuple(_led(kept, i) for i in chosen),
    )


def _nearest(nearness: Nearness, kept: Sequence[ReadSentence], by_words: Sequence[float]) -> int | None:
    """The sentence nearest in meaning, if it is near; of many those that share the most words are asked."""
    asked = sorted(range(len(kept)), key=lambda i: (-by_words[i], i))[:MOST_EMBEDDED]
    near = dict(zip(asked, nearness([kept[i].text for i in asked]), strict=True))
    best = max(near, key=lambda i: (near[i], -i), default=None)
    return best if best is not None and near[best] >= NEAR else None


def _led(kept: Sequence[ReadSentence], i: int) -> str:
    text = kept[i].text
    if not _ITEM.match(text):
        return text
    above = (s.text for s in reversed(kept[:i]) if not _ITEM.match(s.text))
    lead = next((s for s in above if not s.rstrip().endswith(_ENDS)), "")
    # An item that denies by itself is a sentence: it does not go on from the words above.
    if len(lead.split()) > _LEADING_WORDS or (_DENYING.search(text) and not _RELATIVE.search(text)):
        return text
    return f"{lead.strip().rstrip(':')} {_ITEM.sub('', text)}"


def _shared(claim: str, weights: Weights, sentence: ReadSentence) -> set[str]:
    found = shared_terms(weights.keys(), sentence.terms)
    return found | (same_quantities(claim, sentence.text) & weights.keys())


def _gain(weights: Weights, shared: set[str], sentence: ReadSentence, covered: set[str]) -> float:
    if covered and _words_of(weights, shared) < LEAST_WORDS * sum(weights.values()):
        return 0.0
    new = sum(weights[t] for t in shared - covered)
    # Of two that share as much, the one that says less besides.
    return new * (1.0 + 0.1 * len(shared) / max(1, len(sentence.terms)))


def _weight(weights: Weights, terms: set[str]) -> float:
    return sum(weights[t] for t in terms)


def _words_of(weights: Weights, shared: set[str]) -> float:
    return _weight(weights, {t for t in shared if not is_number(t)})


def _stating(weights: Weights, shared: Sequence[set[str]], covered: set[str]) -> list[int]:
    """For each number that is not covered the sentence that states it and shares the most words."""
    found: list[int] = []
    for term in sorted(t for t in weights.keys() - covered if is_number(t)):
        stating = [i for i, terms in enumerate(shared) if term in terms]
        best = max(stating, key=lambda i: (_words_of(weights, shared[i]), -i), default=-1)
        if best < 0:
            continue
        n_numbers = sum(map(is_number, shared[best] - covered))
        if n_numbers > 1 or _words_of(weights, shared[best]) >= LEAST_WORDS * sum(weights.values()):
            found.append(best)
    return list(dict.fromkeys(found))


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
