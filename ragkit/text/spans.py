"""A small algebra of spans, and quotes found back in their source.

Spans are half-open; lists of spans are in any order on the way in and in reading order on the way out.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from ragkit.text.normalize import NormalizedText, normalize
from ragkit.types import Span

_WHITESPACE = re.compile(r"\s+")
# Typography differs before and after these: "12 %" and "12%", "mot !" and "mot!".
_NO_SPACE_BEFORE, _NO_SPACE_AFTER = frozenset("%‰°,:;!?)]"), frozenset("([")
_TO_NEXT_WORD = re.compile(r"(?<!\w)\w|[^\w\s]")
_WRAPPING = "\"'«»“”„‘’ \n\t"


def merge(spans: Iterable[Span], *, gap: int = 0) -> list[Span]:
    """The same characters in as few spans as possible, in reading order.

    Overlapping and touching spans become one, and so do those with at most `gap` characters between them.

    >>> merge([Span(4, 6), Span(0, 2), Span(2, 3)])
    [Span(start=0, end=3), Span(start=4, end=6)]
    """
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end + gap:
            if span.end > merged[-1].end:
                merged[-1] = Span(merged[-1].start, span.end)
        else:
            merged.append(span)
    return merged


def intersect(a: Span, b: Span) -> Span | None:
    """What two spans have in common, None where that is no character."""
    start, end = max(a.start, b.start), min(a.end, b.end)
    return Span(start, end) if start < end else None


def contains(outer: Span, inner: Span) -> bool:
    """Whether every character of `inner` is in `outer`."""
    return outer.start <= inner.start and inner.end <= outer.end


def trimmed(text: str, span: Span) -> Span:
    """A span of `text` without blank characters at its ends; of a blank one, its empty beginning.

    >>> trimmed("  one ", Span(0, 6))
    Span(start=2, end=5)
    """
    piece = span.of(text)
    body = piece.strip()
    start = span.start + (len(piece) - len(piece.lstrip()) if body else 0)
    return Span(start, start + len(body))


def gaps(spans: Iterable[Span], within: Span) -> list[Span]:
    """The stretches of `within` that none of `spans` covers, in reading order.

    >>> gaps([Span(2, 4)], Span(0, 6))
    [Span(start=0, end=2), Span(start=4, end=6)]
    """
    found: list[Span] = []
    at = within.start
    for span in merge(spans):
        if at < min(span.start, within.end):
            found.append(Span(at, min(span.start, within.end)))
        at = max(at, span.end)
    if at < within.end:
        found.append(Span(at, within.end))
    return found


def covered(spans: Iterable[Span]) -> int:
    """How many characters `spans` hold, each counted once."""
    return sum(len(span) for span in merge(spans))


def find_quote(haystack: str, needle: str) -> Span | None:
    """Where `haystack` says `needle`: the first place word for word, else the first in other typography.

    The second search takes runs of whitespace, quotation marks, dashes, letter case, ё and е, invisible and
    compatibility characters as equal, and leaves out quotation marks around the needle; words, numbers and
    punctuation must be the same. A match never begins or ends inside a word or a number, so `12 %` is found
    neither in `112 %` nor in `3.12 %` nor in `-12 %`. None where the quote is not there or is empty.

    >>> source = "Срок — 14 дней, а\\u00a0не 30."
    >>> find_quote(source, "срок - 14 дней").of(source)
    'Срок — 14 дней'
    >>> find_quote("growth of 87 %", "7 %") is None
    True
    """
    quote = needle.strip()
    if not quote:
        return None
    if (at := _find(haystack, quote)) is not None:
        return Span(at, at + len(quote))
    plain = _Plain.of(haystack)
    for candidate in (quote, quote.strip(_WRAPPING)):
        wanted = _Plain.of(candidate).text
        if wanted and (at := _find(plain.text, wanted)) is not None:
            return plain.to_source(Span(at, at + len(wanted)))
    return None


def _find(text: str, wanted: str) -> int | None:
    at = text.find(wanted)
    while at >= 0:
        if not (_cuts_before(text, at) or _cuts_after(text, at + len(wanted))):
            return at
        # The next place that may begin a quote: within a long word every other start would fail as well.
        following = _TO_NEXT_WORD.search(text, at + 1)
        at = text.find(wanted, following.start()) if following else -1
    return None


def _cuts_before(text: str, at: int) -> bool:
    """Whether a quote that begins at `at` would begin inside a word or a number, or lose its sign."""
    if at == 0 or not text[at].isalnum():
        return False
    before, earlier = text[at - 1], text[at - 2 : at - 1] if at > 1 else ""
    if before.isalnum() or before == "_":
        return True
    if not text[at].isdecimal():
        return False
    if before in ".,:/" and earlier.isdecimal():
        return True
    return before in "-−–+" and (not earlier or earlier.isspace() or earlier in "(=[<>≈~")


def _cuts_after(text: str, end: int) -> bool:
    if end >= len(text) or not text[end - 1].isalnum():
        return False
    after, later = text[end], text[end + 1 : end + 2]
    if after.isalnum() or after == "_":
        return True
    return text[end - 1].isdecimal() and after in ".,:/" and later.isdecimal()


@dataclass(frozen=True, slots=True)
class _Plain:
    """A text in normal form with single spaces and one kind of quotes; `kept` tells where they were."""

    text: str
    source: NormalizedText
    kept: array[int]

    @classmethod
    def of(cls, text: str) -> _Plain:
        source = normalize(text, fold_case=True)
        folded = source.text.replace('"', "'")
        pieces: list[str] = []
        kept = array("q")
        at = 0
        for match in _WHITESPACE.finditer(folded):
            start, end = match.span()
            pieces.append(folded[at:start])
            kept.extend(range(at, start))
            inner = start > 0 and end < len(folded)
            if inner and folded[end] not in _NO_SPACE_BEFORE and folded[start - 1] not in _NO_SPACE_AFTER:
                pieces.append(" ")
                kept.append(start)
            at = end
        pieces.append(folded[at:])
        kept.extend(range(at, len(folded)))
        return cls("".join(pieces), source, kept)

    def to_source(self, span: Span) -> Span:
        return self.source.to_original(Span(self.kept[span.start], self.kept[span.end - 1] + 1))
