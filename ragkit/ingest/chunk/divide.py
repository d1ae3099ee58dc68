"""Divides a unit that is too long: prose by sentences, code by lines, then words, then characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from ragkit.ingest.chunk.measure import CHARS_PER_TOKEN, Measure
from ragkit.ingest.chunk.units import Unit, trimmed
from ragkit.text.sentences import sentence_spans

_LINE = re.compile(r"[^\n]*\S[^\n]*")
_WORD = re.compile(r"\S+")
_CODE_LINE = re.compile(r"^(?:[ \t]{2,}\S|.*[{}();\\=,:>]$|[#$@<>%|]|- |\d+\. )")

Spans = Iterator[tuple[int, int]]


def divided(text: str, unit: Unit, limit: int, measure: Measure) -> list[Unit]:
    """The unit in pieces of at most `limit` tokens, in order; a single character is never divided."""
    ways: tuple[Callable[[str, int, int], Spans], ...] = (_lines, sentences, _words)
    if not is_line_structured(text[unit.start : unit.end]):
        ways = (sentences, _lines, _words)
    return list(_divide(text, (unit.start, unit.end), ways, limit, measure))


def is_line_structured(text: str) -> bool:
    """Whether the lines of a block mean something, as in code and tables; hard-wrapped prose does not."""
    lines = [line for line in text.split("\n", 60)[:60] if line.strip()]
    return len(lines) > 1 and sum(1 for line in lines if _CODE_LINE.match(line)) * 3 >= len(lines)


def sentences(text: str, start: int, end: int) -> Spans:
    """The sentences of a stretch."""
    for span in sentence_spans(text[start:end]):
        yield span.start + start, span.end + start


def _divide(
    text: str,
    stretch: tuple[int, int],
    ways: tuple[Callable[[str, int, int], Spans], ...],
    limit: int,
    measure: Measure,
) -> Iterator[Unit]:
    start, end = trimmed(text, *stretch)
    if start >= end:
        return
    weight = measure(start, end)
    if weight <= limit:
        yield Unit(start, end, weight=weight)
        return
    if not ways:
        yield from _characters(text, start, end, limit, measure)
        return
    # A way need not cover the text between its pieces, so each piece begins where the one before ended.
    at = start
    ends = [last for _, last in ways[0](text, start, end)]
    for last in [*ends[:-1], end]:
        if last > at:
            yield from _divide(text, (at, last), ways[1:], limit, measure)
            at = last


def _lines(text: str, start: int, end: int) -> Spans:
    return ((m.start(), m.end()) for m in _LINE.finditer(text, start, end))


def _words(text: str, start: int, end: int) -> Spans:
    return ((m.start(), m.end()) for m in _WORD.finditer(text, start, end))


def _characters(text: str, start: int, end: int, limit: int, measure: Measure) -> Iterator[Unit]:
    while start < end:
        # More characters than this are over the limit, whatever their tokens.
        size = min(end - start, (limit + 1) * CHARS_PER_TOKEN)
        weight = measure(start, start + size)
        while weight > limit and size > 1:
            size = max(1, min(size - 1, size * limit // weight))
            weight = measure(start, start + size)
        cut = _before_a_mark(text, start, start + size)
        yield Unit(start, cut, weight=measure(start, cut))
        start = cut


def _before_a_mark(text: str, start: int, cut: int) -> int:
    """`cut`, moved back so that no letter is parted from its accents and no emoji from its modifiers."""
    for at in range(cut, max(start, cut - 32), -1):
        if at >= len(text) or not (unicodedata.combining(text[at]) or text[at] in "\u200d\ufe0f"):
            return at
    return cut
