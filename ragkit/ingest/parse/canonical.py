"""Builds canonical text and, as it grows, the spans of its sections and blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType

from ragkit.errors import DocumentError
from ragkit.types import Metadata, Section, Span

# Column names and key paths are repeated, so a text can become many times longer than its source.
MAX_CHARACTERS = 100_000_000
# What no store takes as text; escapes of JSON and character references of XML can write them.
_UNWANTED = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a format's parser gives: the canonical text, its structure, and what the source says of itself."""

    text: str
    sections: tuple[Section, ...] = field(default=(), kw_only=True)
    blocks: tuple[Span, ...] = field(default=(), kw_only=True)
    pages: tuple[Span, ...] = field(default=(), kw_only=True)
    metadata: Metadata = field(default_factory=lambda: MappingProxyType({}), kw_only=True)


class CanonicalText:
    """Appends headings and blocks; a blank line stands between them, a line end within a list or table.

    >>> text = CanonicalText()
    >>> text.heading("Guide", level=1); text.block("First."); text.block("- a", tight=True)
    >>> text.build().text
    'Guide\\n\\nFirst.\\n- a'
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[tuple[str, int, int]] = []
        self._blocks: list[Span] = []
        self._pages: list[tuple[int, int]] = []
        # What begins with the text that comes next, wherever that will stand.
        self._waiting_pages = 0
        self._waiting_sections: list[tuple[str, int]] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing was appended yet."""
        return not self._parts

    def heading(self, title: str, *, level: int) -> None:
        """Opens a section. A blank title opens none."""
        title = " ".join(_UNWANTED.sub("", title).split())
        if title:
            start = self._append(title, "\n\n")
            self._headings.append((title, start, level))

    def section(self, title: str, *, level: int) -> None:
        """Opens a section at what is appended next, for a title that does not stand in the text itself."""
        title = " ".join(_UNWANTED.sub("", title).split())
        if title:
            self._waiting_sections.append((title, level))

    def page(self) -> None:
        """Begins a page at what is appended next; a page without text has an empty span there."""
        self._end_page()
        self._waiting_pages += 1

    def include(self, parsed: Parsed, *, below: int = 0) -> None:
        """Appends a whole text with its sections, their levels raised by `below`, and its blocks."""
        if parsed.text:
            start = self._append(parsed.text, "\n\n")
            self._headings.extend((s.title, start + s.span.start, s.level + below) for s in parsed.sections)
            self._blocks.extend(block.shift(start) for block in parsed.blocks)

    def block(self, text: str, *, tight: bool = False) -> None:
        """Appends a paragraph, list item, table row or code block; `tight` sets it on the very next line.

        Blank lines at its ends are removed, and a blank block is not a block.
        """
        lines = _UNWANTED.sub("", text).rstrip().split("\n")
        while lines and not lines[0].strip():
            lines.pop(0)
        if lines:
            body = "\n".join(lines)
            start = self._append(body, "\n" if tight else "\n\n")
            self._blocks.append(Span(start, start + len(body)))

    def _append(self, text: str, gap: str) -> int:
        if self._parts:
            self._parts.append(gap)
            self._length += len(gap)
        start = self._length
        self._pages.extend([(start, start)] * self._waiting_pages)
        self._headings.extend((title, start, level) for title, level in self._waiting_sections)
        self._waiting_pages = 0
        self._waiting_sections.clear()
        self._parts.append(text)
        self._length += len(text)
        if self._length > MAX_CHARACTERS:
            raise too_long()
        return start

    def _end_page(self) -> None:
        if self._pages and not self._waiting_pages:
            self._pages[-1] = (self._pages[-1][0], self._length)

    def build(self, metadata: Metadata | None = None) -> Parsed:
        """The finished text with its sections, blocks and pages."""
        self._end_page()
        pages = [*self._pages, *[(self._length, self._length)] * self._waiting_pages]
        return Parsed(
            "".join(self._parts),
            sections=nested_sections(self._headings, self._length),
            blocks=tuple(self._blocks),
            pages=tuple(Span(start, end) for start, end in pages),
            metadata=MappingProxyType(dict(metadata or {})),
        )


def too_long() -> DocumentError:
    """The error for a text beyond `MAX_CHARACTERS`."""
    reason = f"its text is longer than {MAX_CHARACTERS:,} characters. Split it into smaller files"
    return DocumentError(reason, stage="parse")


def nested_sections(headings: list[tuple[str, int, int]], length: int) -> tuple[Section, ...]:
    """Sections from `(title, start, level)` in reading order.

    Each ends where the next one of its level or above begins, the last ones at `length`.
    """
    ends = [length] * len(headings)
    open_: list[int] = []
    for i, (_, start, level) in enumerate(headings):
        while open_ and headings[open_[-1]][2] >= level:
            ends[open_.pop()] = start
        open_.append(i)
    return tuple(
        Section(title, span=Span(start, end), level=level)
        for (title, start, level), end in zip(headings, ends, strict=True)
    )
