"""Judgements of documents and places of evidence, brought to the passages of an index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ragkit.evaluation.metrics.coverage import COVERED, coverage
from ragkit.evaluation.question import Evidence
from ragkit.types import Chunk, Span  # noqa: F401  (the example)


def chunk_grades(
    chunks: Iterable[Chunk], judged: Mapping[str, int], evidence: Sequence[Evidence] = ()
) -> dict[str, int]:
    """Grades by chunk id, from grades by document and the places that prove the answer.

    Of a document that holds places, the chunks that hold half of one or more have its grade, as has, where
    no chunk does, the one that holds most; its others have 0. Of a document that is judged and holds none,
    all chunks have its grade. A document that holds a place and was not judged counts as graded 1.

    Args:
        chunks: of the documents in question; those of others are left out.
        judged: grades by document id.
        evidence: of the same question.

    >>> halves = [Chunk(f"c{n}", "a", span=Span(n * 5, n * 5 + 5), text="", ordinal=n) for n in (0, 1)]
    >>> chunk_grades(halves, {"a": 2}, [Evidence("a", span=Span(4, 9))])
    {'c0': 0, 'c1': 2}
    """
    by_document: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        by_document.setdefault(chunk.document_id, []).append(chunk)
    grades: dict[str, int] = {}
    for document, own in by_document.items():
        places = [place for place in evidence if place.document_id == document]
        if places or document in judged:
            grade = judged.get(document, 1)
            holding = {chunk_id for place in places for chunk_id in _holding(place, own)}
            grades |= {chunk.id: grade if not places or chunk.id in holding else 0 for chunk in own}
    return grades


def _holding(place: Evidence, chunks: Sequence[Chunk]) -> list[str]:
    shares = {chunk.id: coverage(place.span, [chunk.span]) for chunk in chunks}
    most = max(shares.values())
    return [id_ for id_, share in shares.items() if share >= COVERED or 0 < share == most]
