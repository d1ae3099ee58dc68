"""One spelling for texts that look alike, with a way back to the original positions.

`normalize` is for comparing and indexing, never for showing: it applies Unicode NFKC, drops characters
nobody sees (zero-width, bidirectional, tag and soft-hyphen characters, variation selectors), writes unusual
spaces, quotes and dashes as their ASCII forms, and `ё` as `е`. Two deviations from NFKC keep meaning intact:
numbers of category No stay as they are (`10²` must not read `102`, `2½` not `21/2`), and so do ™, ℠ and №.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ragkit.types import Span

# U+200C and U+200D are letters' joiners in Persian and Indic scripts; both spellings occur for one word.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U000e0000-\U000e01ef"
)
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_DOUBLE_QUOTES = "«»“”„‟″‶〝〞〟＂❝❞"
_SINGLE_QUOTES = "‘’‚‛‹›′‵´`ʼ＇❛❜"
_DASHES = "‐‑‒–—―−﹘﹣－⁃"
_ONE_TO_ONE = (
    {ord(c): " " for c in _SPACES}
    | {ord(c): "\n" for c in "\u2028\u2029\u0085"}
    | {ord(c): '"' for c in _DOUBLE_QUOTES}
    | {ord(c): "'" for c in _SINGLE_QUOTES}
    | {ord(c): "-" for c in _DASHES}
    | {ord("ё"): "е", ord("Ё"): "Е"}
)
_KEPT = frozenset("™℠№")
_INVISIBLE_RE = re.compile(f"[{_INVISIBLE}]+")
_ONE_TO_ONE_RE = re.compile("[" + re.escape("".join(map(chr, _ONE_TO_ONE))) + "]")
# Only these blocks hold characters that NFKC or the tables above can touch.
_BLOCKS = ((0x80, 0x3400), (0xA000, 0xAC00), (0xD7A4, 0xD800), (0xF900, 0x20000), (0x2F800, 0x2FA20))
_JAMO = ((0x1161, 0x1176), (0x11A8, 0x11C3))


@dataclass(frozen=True, slots=True)
class NormalizedText:
    """A normalised text that remembers where each of its characters came from.

    `starts` and `ends` hold the original range of every character of `text`; both are None when the
    positions did not move, which is the usual case and costs nothing.

    >>> n = normalize("Ещё\\u00ad раз…")
    >>> n.text
    'Еще раз...'
    >>> n.to_original(Span(4, 7))
    Span(start=5, end=8)
    """

    text: str
    original_length: int
    starts: array[int] | None = None
    ends: array[int] | None = None

    def to_original(self, span: Span) -> Span:
        """The shortest original range that produced `span` of `text`.

        An empty span maps to an empty one. Raises ValueError where `span` leaves the text.
        """
        if span.end > len(self.text):
            raise ValueError(f"{span}: the normalised text has only {len(self.text)} characters")
        if self.starts is None or self.ends is None:
            return span
        if span.start == span.end:
            at = self.starts[span.start] if span.start < len(self.starts) else self.original_length
            return Span(at, at)
        return Span(self.starts[span.start], self.ends[span.end - 1])


def normalize(text: str, *, fold_case: bool = False) -> NormalizedText:
    """`text` in its normal form, with the map back to the original positions.

    Applying it to its own result changes nothing. With `fold_case`, letters are case-folded as well
    (`Straße` becomes `strasse`). Newlines, tabs and runs of spaces are kept: collapsing them is a decision
    of the caller.
    """
    if text.isascii():
        # The grave accent is the only ASCII character of the tables.
        plain = text.replace("`", "'")
        return NormalizedText(plain.lower() if fold_case else plain, len(text))
    plain = replace_one_to_one(text)
    if not _INVISIBLE_RE.search(plain) and unicodedata.is_normalized("NFKC", plain):
        folded = plain.casefold() if fold_case else plain
        if len(folded) == len(plain) and (not fold_case or unicodedata.is_normalized("NFKC", folded)):
            return NormalizedText(replace_one_to_one(folded), len(text))
    return _mapped(text, fold_case)


def normal_form(text: str) -> str:
    """The text of `normalize(text)` alone, for callers that need no positions."""
    if text.isascii():
        return text.replace("`", "'")
    plain = replace_one_to_one(text)
    if not _INVISIBLE_RE.search(plain) and unicodedata.is_normalized("NFKC", plain):
        return plain
    return _mapped(text, False).text


def replace_one_to_one(text: str) -> str:
    """`text` with unusual spaces, quotes and dashes in ASCII and ё as е; no position moves."""
    return _ONE_TO_ONE_RE.sub(_replacement, text)


def _replacement(match: re.Match[str]) -> str:
    return _ONE_TO_ONE[ord(match[0])]


def _mapped(text: str, fold_case: bool) -> NormalizedText:
    pieces: list[str] = []
    starts, ends = array("q"), array("q")
    for start, end, cluster in _pieces(text):
        if cluster is None:
            plain = text[start:end]
            pieces.append(plain.casefold() if fold_case else plain)
            starts.extend(range(start, end))
            ends.extend(range(start + 1, end + 1))
        else:
            folded = _fold_cached(cluster, fold_case) if len(cluster) < 9 else _fold(cluster, fold_case)
            pieces.append(folded)
            starts.extend([start] * len(folded))
            ends.extend([end] * len(folded))
    return NormalizedText("".join(pieces), len(text), starts, ends)


def _pieces(text: str) -> Iterator[tuple[int, int, str | None]]:
    """Ranges of `text` in order: unaffected ones (None) and clusters with what is visible of them."""
    at = 0
    for match in _cluster_re().finditer(text):
        start, end = match.span()
        if start > at:
            yield at, start, None
        cluster = text[start:end]
        visible = _INVISIBLE_RE.sub("", cluster)
        if visible:
            # A cluster's range ends with its last visible character, or citations would drag invisible ones.
            while _INVISIBLE_RE.match(text, end - 1):
                end -= 1
            while _INVISIBLE_RE.match(text, start):
                start += 1
            yield start, end, visible
        at = match.end()
    if at < len(text):
        yield at, len(text), None


@functools.lru_cache(maxsize=4096)
def _fold_cached(cluster: str, fold_case: bool) -> str:
    return _fold(cluster, fold_case)


def _fold(cluster: str, fold_case: bool) -> str:
    folded = _nfkc(cluster)
    if fold_case:
        folded = _nfkc(_nfkc(folded.casefold()).casefold())
    return folded


def _nfkc(text: str) -> str:
    plain = text.translate(_ONE_TO_ONE)
    form: Literal["NFC", "NFKC"] = (
        "NFC" if any(c in _KEPT or unicodedata.category(c) == "No" for c in plain) else "NFKC"
    )
    return unicodedata.normalize(form, plain).translate(_ONE_TO_ONE)


@functools.cache
def _cluster_re() -> re.Pattern[str]:
    """Matches each stretch that must be normalised as a whole: a character and the marks composing with it.

    Derived once from the interpreter's own Unicode tables (about 30 ms), so that it always agrees with
    `unicodedata.normalize`.
    """
    points = [point for first, last in _BLOCKS for point in range(first, last)]
    joining = {point for first, last in _JAMO for point in range(first, last)}
    decomposed = {point: unicodedata.normalize("NFKD", chr(point)) for point in points}
    for point in points:
        canonical = unicodedata.decomposition(chr(point)).split()
        if len(canonical) == 2 and not canonical[0].startswith("<"):
            joining.add(int(canonical[1], 16))
        if unicodedata.combining(chr(point)):
            joining.add(point)
    joining |= {point for point in points if ord(decomposed[point][0]) in joining}
    changed = {point for point in points if not unicodedata.is_normalized("NFKC", chr(point))}
    changed |= {point for point in points if len(chr(point).casefold()) > 1}
    changed |= joining | set(_ONE_TO_ONE)
    join = f"[{_ranges(joining)}{_INVISIBLE}]"
    return re.compile(f"(?s:.){join}+|[{_ranges(changed)}{_INVISIBLE}]")


def _ranges(points: set[int]) -> str:
    ordered = sorted(points)
    out: list[str] = []
    first = previous = ordered[0]
    for point in [*ordered[1:], -1]:
        if point != previous + 1:
            out.append(re.escape(chr(first)) + "-" + re.escape(chr(previous)))
            first = point
        previous = point
    return "".join(out)
