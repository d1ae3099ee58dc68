"""Plain text: the text as it is; paragraphs are its blocks, underlined lines its headings."""

from __future__ import annotations

import re

from ragkit.ingest.parse.canonical import Parsed, nested_sections
from ragkit.types import Span

_PARAGRAPH = re.compile(r"\S[^\n]*(?:\n[^\n]*\S[^\n]*)*")
_UNDERLINED = re.compile(
    r"(?m)(?:\A|(?<=\n\n))[ \t]*(?P<title>\S[^\n]{0,118})\n[ \t]*(?P<line>([=\-~^*#_+])\3{2,})[ \t]*$"
)


def parse_plain(text: str) -> Parsed:
    """The text without blank ends, its characters kept; form feeds become line ends.

    >>> [s.title for s in parse_plain("Guide\\n=====\\n\\nFirst.").sections]
    ['Guide']
    """
    text = text.replace("\f", "\n").strip("\n").rstrip()
    blocks = tuple(Span(m.start(), m.end()) for m in _PARAGRAPH.finditer(text))
    return Parsed(text, blocks=blocks, sections=nested_sections(_headings(text), len(text)))


def _headings(text: str) -> list[tuple[str, int, int]]:
    """Underlined lines; as in reStructuredText, the first underline character seen is level 1."""
    levels: dict[str, int] = {}
    found = []
    for match in _UNDERLINED.finditer(text):
        title, line = match["title"].rstrip(), match["line"]
        # A line of dashes under a long sentence, or a long rule under a word, is decoration.
        if 0.5 * len(title) <= len(line) <= len(title) + 8 and any(c.isalnum() for c in title):
            level = levels.setdefault(line[0], len(levels) + 1)
            found.append((title, match.start("title"), level))
    return found
