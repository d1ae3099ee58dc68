"""Builds canonical text and, as it grows, the spans of its sections and blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType

from ragkit.types import Metadata, Section, Span


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

    @property
    def is_empty(self) -> bool:
        """Whether nothing was appended yet."""
        return not self._parts

    def heading(self, title: str, *, level: int) -> None:
        """Opens a section. A blank title opens none."""
        title = " ".join(title.split())
        if title:
            start = self._append(title, "\n\n")
            self._headings.append((title, start, level))

    def block(self, text: str, *, tight: bool = False) -> None:
        """Appends a paragraph, list item, table row or code block; `tight` sets it on the very next line.

        Blank lines at its ends are removed, and a blank block is not a block.
        """
        lines = text.rstrip().split("\n")
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
        self._parts.append(text)
        self._length += len(text)
        return start

    def build(self, metadata: Metadata | None = None) -> Parsed:
        """The finished text with its sections and blocks."""
        return Parsed(
            "".join(self._parts),
            sections=nested_sections(self._headings, self._length),
            blocks=tuple(self._blocks),
            metadata=MappingProxyType(dict(metadata or {})),
        )


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
