"""Whether passages hold a piece of evidence: by how much of it lies in them.

A piece of evidence is *covered* when at least half of its characters lie in the passages, all of them taken
together. A share rather than a single shared character, since neighbouring chunks overlap and a shared word
at the seam proves nothing. All passages together, since a chunker may cut evidence in two, and a reader who
gets both halves has it. Half rather than all, since where evidence begins and ends is a habit of those who
marked it (a title, the full stop, a leading "However,"), and since the larger half is what the smaller
misses.

The share hardly matters: with the default chunker, which cuts between sentences, `all_evidence_R@5` and `@20`
of BM25 on 200 questions of HotpotQA and on the example handbook are the same for every share from 0.01 to 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from ragkit.evaluation.dataset import Evidence
from ragkit.evaluation.outcome import Place
from ragkit.types import Span

COVERED = 0.5
"""The share of a piece of evidence that must be there."""

Kept = Mapping[str, Sequence[Span]]
"""What is there of each document, by its id."""


def kept(places: Iterable[Place]) -> Kept:
    """What is there of each document, in all places together."""
    spans: defaultdict[str, list[Span]] = defaultdict(list)
    for place in places:
        spans[place.document_id].extend(place.spans)
    return spans


def coverage(span: Span, spans: Iterable[Span]) -> float:
    """The share of the characters of `span` that lie in `spans`, which may overlap; 0 for an empty span.

    >>> coverage(Span(10, 20), [Span(0, 13), Span(12, 15), Span(19, 40)])
    0.6
    """
    n_covered, at = 0, span.start
    for other in sorted(spans):
        start, end = max(other.start, at), min(other.end, span.end)
        if start < end:
            n_covered, at = n_covered + end - start, end
    return n_covered / len(span) if len(span) else 0.0


def is_covered(evidence: Evidence, there: Kept) -> bool:
    """Whether at least half of a piece of evidence is there."""
    return coverage(evidence.span, there.get(evidence.document_id, ())) >= COVERED


def hops(evidence: Iterable[Evidence]) -> list[tuple[Evidence, ...]]:
    """The evidence by hop, in the order of the hops; the places of one hop are alternatives."""
    ordered = sorted(evidence, key=lambda place: place.hop)
    return [tuple(places) for _, places in groupby(ordered, key=lambda place: place.hop)]


def covered_hops(evidence: Iterable[Evidence], places: Iterable[Place]) -> list[bool]:
    """For each hop, whether one of its places is covered by the passages."""
    there = kept(places)
    return [any(is_covered(place, there) for place in hop) for hop in hops(evidence)]
