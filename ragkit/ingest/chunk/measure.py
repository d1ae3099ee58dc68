"""How long a stretch of a document is, in tokens."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

TokenSpans = Callable[[str], Sequence[tuple[int, int]]]
TokenCount = Callable[[str], int]

# A word of 100,000 characters may count as one token; no model reads it as one, so length counts too.
CHARS_PER_TOKEN = 20


class Measure:
    """Tokens of any stretch of one text.

    With a tokenizer's `spans` the text is tokenised once and a stretch is two binary searches; with `count`
    each stretch is counted by itself.

    >>> Measure("one two three", count=lambda text: len(text.split()))(0, 7)
    2
    """

    def __init__(self, text: str, *, count: TokenCount, spans: TokenSpans | None = None) -> None:
        self._text = text
        self._count = count
        self._starts = None if spans is None else [start for start, _ in spans(text)]

    def __call__(self, start: int, end: int) -> int:
        """Tokens that begin in `[start, end)`, and at least one per 20 characters."""
        if self._starts is None:
            tokens = self._count(self._text[start:end])
        else:
            tokens = bisect_left(self._starts, end) - bisect_left(self._starts, start)
        return max(tokens, (end - start) // CHARS_PER_TOKEN)
