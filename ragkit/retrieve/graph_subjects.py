"""What a passage is about, by its headings, its title line, and the name that it begins with."""

from __future__ import annotations

from ragkit.text.names import bare_title, name_spans
from ragkit.types import Chunk

_LONGEST_TITLE = 120
# A name further in is one of many, not the one that the passage tells of.
_BEGINNING = 15


def subjects_of(chunk: Chunk) -> tuple[str, ...]:
    """The subjects of a passage: its headings, a first line that stands alone, a name at its beginning.

    >>> from ragkit.types import Span
    >>> text = "Human Flow (film)\\n\\nHuman Flow is a documentary by Ai Weiwei."
    >>> chunk = Chunk("0" * 32, "d", span=Span(0, len(text)), text=text, ordinal=0)
    >>> subjects_of(chunk)
    ('Human Flow',)
    """
    title, body = _parted(chunk.text)
    said = [*chunk.headings, title] if title else [*chunk.headings]
    beginning = body[:200]
    first = next(iter(name_spans(beginning)), None)
    if first is not None and first.start < _BEGINNING:
        said.append(first.of(beginning))
    return tuple(dict.fromkeys(filter(None, (bare_title(one[:_LONGEST_TITLE]) for one in said))))


def _parted(text: str) -> tuple[str, str]:
    """A title line and what follows it; no title where the text begins with its first paragraph."""
    line, _, rest = text.lstrip().partition("\n")
    if rest.startswith("\n") and len(line) <= _LONGEST_TITLE and not line.rstrip().endswith((".", ":", ";")):
        return line.strip("# \t"), rest.lstrip()
    return "", text.lstrip()
