"""A document's structure around a place: the sections that hold it, and pieces of what is too long."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from functools import cached_property

from ragkit.text.sentences import sentence_spans
from ragkit.text.spans import contains, trimmed
from ragkit.text.tokens import count_tokens
from ragkit.types import Document, Span

# A text with more characters than this for each token allowed is too long, and is not counted.
_CHARS_PER_TOKEN = 16
_SAMPLE_CHARS = 4_000


@dataclass(frozen=True)
class Outline:
    """Sections of a document, and pieces of them that have at most `tokens` tokens by ragkit's own estimate.

    >>> Outline(Document("a", "One. Two."), tokens=100).parents(Span(0, 4))
    [Span(start=0, end=9)]
    """

    document: Document
    tokens: int = 1
    # Hits of one document ask for the same again and again.
    _fits: dict[Span, bool] = field(default_factory=dict, repr=False)
    _widths: dict[Span, int] = field(default_factory=dict, repr=False)
    _edges: dict[tuple[Span, int, int], int] = field(default_factory=dict, repr=False)

    @cached_property
    def headings(self) -> list[int]:
        """Where headings begin, in order."""
        return sorted({section.span.start for section in self.document.sections})

    @cached_property
    def _blocks(self) -> list[int]:
        return sorted(block.start for block in self.document.blocks)

    @cached_property
    def _sections(self) -> list[Span]:
        """In reading order, an outer one before those within it."""
        spans = {section.span for section in self.document.sections}
        return sorted(spans, key=lambda span: (span.start, -span.end))

    @cached_property
    def _outer(self) -> list[int]:
        """For each of `_sections` the place of the one around it, -1 where there is none."""
        outer: list[int] = []
        open_: list[int] = []
        for n, section in enumerate(self._sections):
            while open_ and self._sections[open_[-1]].end < section.end:
                open_.pop()
            outer.append(open_[-1] if open_ else -1)
            open_.append(n)
        return outer

    def part(self, span: Span) -> Span:
        """From the heading above a span to the next one below it, of whatever level."""
        above = bisect_right(self.headings, span.start)
        below = bisect_left(self.headings, max(span.end, span.start + 1))
        return Span(
            self.headings[above - 1] if above else 0,
            self.headings[below] if below < len(self.headings) else len(self.document.text),
        )

    def parents(self, span: Span) -> list[Span]:
        """What a span is a part of and may become, smallest first, without blank ends; never none.

        That is every section that holds it and is short enough, and so is the document. Where none is, it is
        one piece of the smallest that holds it. Pieces of a section lie side by side and do not depend on the
        span. A span that reaches over the end of its piece is added to it.
        """
        holding = self._holding(span)
        holding.append(Span(0, len(self.document.text)))
        fitting = [trimmed(self.document.text, one) for one in holding if self._is_short(one)]
        fitting = [one for one in fitting if contains(one, span)]
        return list(dict.fromkeys(fitting)) or [self._piece(holding[0], span)]

    def _holding(self, span: Span) -> list[Span]:
        """The sections that hold a span, smallest first."""
        holding = []
        at = bisect_right(self._sections, span.start, key=lambda section: section.start) - 1
        while at >= 0:
            if contains(self._sections[at], span):
                holding.append(self._sections[at])
            at = self._outer[at]
        return holding

    def _is_short(self, span: Span) -> bool:
        if span not in self._fits:
            is_long = len(span) > self.tokens * _CHARS_PER_TOKEN
            self._fits[span] = not is_long and count_tokens(span.of(self.document.text)) <= self.tokens
        return self._fits[span]

    def _piece(self, whole: Span, span: Span) -> Span:
        piece = self._cell(whole, span.start, self._width(whole))
        while not self._is_short(piece) and len(piece) > 1:
            piece = self._cell(piece, span.start, -(-len(piece) // 2))
        piece = trimmed(self.document.text, piece)
        return Span(min(piece.start, span.start), max(piece.end, span.end))

    def _width(self, whole: Span) -> int:
        """About how many characters a piece may have."""
        if whole not in self._widths:
            sample = self.document.text[whole.start : whole.start + _SAMPLE_CHARS]
            chars_per_token = min(_CHARS_PER_TOKEN, len(sample) / max(1, count_tokens(sample)))
            self._widths[whole] = max(1, int(self.tokens * chars_per_token))
        return self._widths[whole]

    def _cell(self, whole: Span, at: int, width: int) -> Span:
        """The cell around a place where `whole` is cut about every `width` characters."""
        n = (at - whole.start) // width
        if at >= self._edge(whole, n + 1, width):
            n += 1
        return Span(self._edge(whole, n, width), self._edge(whole, n + 1, width))

    def _edge(self, whole: Span, n: int, width: int) -> int:
        """Edge `n` of the cells: the best place to cut in the second half of the cell before it."""
        key = (whole, n, width)
        if key not in self._edges:
            self._edges[key] = self._found_edge(whole, n, width)
        return self._edges[key]

    def _found_edge(self, whole: Span, n: int, width: int) -> int:
        latest = whole.start + n * width
        if n == 0 or latest >= whole.end:
            return min(latest, whole.end)
        earliest = latest - width // 2
        for starts in (self.headings, self._blocks, self._sentences(earliest, latest)):
            at = bisect_right(starts, latest) - 1
            if at >= 0 and starts[at] > earliest:
                return starts[at]
        blank = max(self.document.text.rfind(c, earliest, latest) for c in " \n\t")
        return blank + 1 if blank >= 0 else latest

    def _sentences(self, start: int, end: int) -> list[int]:
        return [start + span.start for span in sentence_spans(self.document.text[start:end])]
