"""A document as a sequence of units that a chunk is made of: heading lines, blocks, paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from ragkit.ingest.chunk.measure import Measure
from ragkit.types import Document

_PARAGRAPH = re.compile(r"\S[^\n]*(?:\n[^\n]*\S[^\n]*)*")
# A line that ends with a colon and is longer than this says something by itself.
_LEAD_CHARS = 200


@dataclass(frozen=True, slots=True)
class Unit:
    """A stretch of text without blank ends and its weight in tokens.

    `leads` says that it belongs to what follows: a heading, or a line like `Run this command:`.
    """

    start: int
    end: int
    weight: int = field(kw_only=True)
    is_heading: bool = field(default=False, kw_only=True)
    leads: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Part:
    """A heading with what stands under it before the next heading of any level.

    `level` is the heading's, 0 for text before the first one.
    """

    level: int
    units: tuple[Unit, ...]

    @property
    def weight(self) -> int:
        """The sum of its units."""
        return sum(unit.weight for unit in self.units)

    @property
    def has_body(self) -> bool:
        """Whether anything but headings stands in it."""
        return any(not unit.is_heading for unit in self.units)


def parts_of(document: Document, measure: Measure) -> list[Part]:
    """The document's parts in reading order; together their units hold every non-blank character."""
    text = document.text
    heads = {s.span.start: s for s in document.sections if s.span.start < len(text)}
    edges = sorted({0, len(text), *heads})
    blocks = [(b.start, b.end) for b in document.blocks]
    parts = []
    at = 0
    for start, end in pairwise(edges):
        own = []
        while at < len(blocks) and blocks[at][0] < end:
            if blocks[at][0] >= start:
                own.append((blocks[at][0], min(blocks[at][1], end)))
            at += 1
        section = heads.get(start)
        units: list[Unit] = []
        body = start
        if section is not None and section.title and text.startswith(section.title, start):
            body = start + len(section.title)
            # A heading in which the next one begins is no line of its own.
            if body > end or text[body : body + 1] not in {"", "\n"}:
                body = start
            else:
                units.extend(_unit(text, start, body, measure, is_heading=True))
        for piece in _pieces(text, body, end, own):
            units.extend(_unit(text, *piece, measure))
        if units:
            parts.append(Part(section.level if section is not None else 0, tuple(units)))
    return parts


def _pieces(text: str, start: int, end: int, blocks: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The blocks, and the paragraphs of what lies outside them."""
    at = start
    for first, last in blocks:
        if first > at:
            yield from _paragraphs(text, at, first)
        if last > at:
            yield max(first, at), last
            at = last
    if at < end:
        yield from _paragraphs(text, at, end)


def _paragraphs(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for match in _PARAGRAPH.finditer(text, start, end):
        yield match.start(), match.end()


def _unit(text: str, start: int, end: int, measure: Measure, *, is_heading: bool = False) -> Iterator[Unit]:
    first, last = trimmed(text, start, end)
    if first < last:
        leads = is_heading or (text[last - 1] == ":" and last - first <= _LEAD_CHARS)
        yield Unit(first, last, weight=measure(first, last), is_heading=is_heading, leads=leads)


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """`[start, end)` without blank characters at its ends."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
