"""The texts of a page: each passage once, whole where it matters, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from enum import IntEnum

from ragkit.evaluation.case import Texts
from ragkit.evaluation.outcome import Outcome, Place
from ragkit.evaluation.page.limits import Limits
from ragkit.types import Span

AROUND = 240
"""Characters shown before and after a quote."""


class Weight(IntEnum):
    """Which texts are shown in whole where not all can be: the lowest first; a hit at rank r has HIT + r."""

    EVIDENCE = 0
    CITED = 1
    READ = 2
    HIT = 10


@dataclass(frozen=True, slots=True)
class Shown:
    """A part of a document as the page has it; `text` is None where the document is not at hand.

    >>> Shown("a.md", span=Span(0, 9), text="two").is_cut
    True
    """

    document_id: str
    span: Span = field(kw_only=True)
    text: str | None = field(kw_only=True)

    @property
    def is_cut(self) -> bool:
        """Whether only its beginning is shown."""
        return self.text is not None and len(self.text) < len(self.span)


class Passages:
    """Gives each part of a document a number, and the texts once all are known.

    A part is known by its place, not by its chunk's id: pipelines that cut the same text share it.
    """

    def __init__(self, texts: Texts | None) -> None:
        self._texts = texts
        self._numbers: dict[tuple[str, Span], int] = {}
        self._weights: list[int] = []
        self._hulls: dict[tuple[str, str], Span] = {}
        self._last: tuple[str, str | None] | None = None

    def see(self, outcomes: Iterable[Outcome], hits: int) -> None:
        """Takes note of how far each chunk reaches: what compression leaves of it is shown within it."""
        for place in (p for o in outcomes for found in o.found for p in found.places[:hits]):
            if place.spans:
                key, span = (place.chunk_id, place.document_id), _hull(place.spans)
                known = self._hulls.get(key, span)
                self._hulls[key] = Span(min(known.start, span.start), max(known.end, span.end))

    def of_place(self, place: Place, weight: int) -> int:
        """The number of a passage that a stage gave."""
        span = self._hulls.get((place.chunk_id, place.document_id), Span(0, 0))
        return self._number(place.document_id, span, weight)

    def around(self, document_id: str, span: Span, weight: int, *, chunk_id: str | None = None) -> int:
        """The number of a passage with a span in it: the chunk where it is shown, or what is around it."""
        chunk = self._hulls.get((chunk_id, document_id)) if chunk_id else None
        if chunk and chunk.start <= span.start and span.end <= chunk.end:
            return self._number(document_id, chunk, weight)
        return self._number(document_id, _around(span, self.document(document_id)), weight)

    def document(self, document_id: str) -> str | None:
        """The text of a document; None where it is not at hand."""
        if self._last is None or self._last[0] != document_id:
            self._last = (document_id, self._texts.document(document_id) if self._texts else None)
        return self._last[1]

    def _number(self, document_id: str, span: Span, weight: int) -> int:
        number = self._numbers.setdefault((document_id, span), len(self._weights))
        if number == len(self._weights):
            self._weights.append(weight)
        self._weights[number] = min(self._weights[number], weight)
        return number

    def weighed(self) -> list[tuple[int, int]]:
        """Weight and number of every passage."""
        return [(weight, number) for number, weight in enumerate(self._weights)]

    def shown(self, whole: Set[int], limits: Limits) -> list[Shown]:
        """Every passage by its number, with the texts of `whole` in whole."""
        found: dict[int, Shown] = {}
        for (document_id, span), number in sorted(self._numbers.items(), key=lambda item: item[0][0]):
            text = self.document(document_id)
            cut = span if number in whole else Span(span.start, min(span.end, span.start + limits.beginning))
            found[number] = Shown(document_id, span=span, text=None if text is None else cut.of(text))
        return [found[number] for number in range(len(found))]

    def sizes(self) -> list[int]:
        """The bytes of every passage in whole, by its number."""
        sizes = [0] * len(self._weights)
        for (document_id, span), number in sorted(self._numbers.items(), key=lambda item: item[0][0]):
            sizes[number] = len(span.of(self.document(document_id) or "").encode("utf-8", "replace"))
        return sizes


def shown_texts(tables: Mapping[str, Passages], limits: Limits) -> dict[str, list[Shown]]:
    """The texts of all datasets, by their names, within the limits of the page."""
    sizes = {name: table.sizes() for name, table in tables.items()}
    order = sorted(
        (weight, place, number, name)
        for place, (name, table) in enumerate(tables.items())
        for weight, number in table.weighed()
    )
    left = limits.text_bytes
    whole: dict[str, set[int]] = {name: set() for name in tables}
    for _, _, number, name in order:
        if sizes[name][number] <= left:
            left -= sizes[name][number]
            whole[name].add(number)
    return {name: table.shown(whole[name], limits) for name, table in tables.items()}


def _around(span: Span, text: str | None) -> Span:
    """The span and what is beside it, from a blank to a blank where there is one near."""
    if text is None:
        return span
    start, end = max(0, span.start - AROUND), min(len(text), span.end + AROUND)
    if 0 < start < len(text) - 40:
        start += next((n for n in range(40) if text[start + n - 1].isspace()), 0)
    if 40 < end < len(text):
        end -= next((n for n in range(40) if text[end - n].isspace()), 0)
    return Span(min(start, span.start), max(end, span.end))


def _hull(spans: tuple[Span, ...]) -> Span:
    return Span(min(span.start for span in spans), max(span.end for span in spans))
