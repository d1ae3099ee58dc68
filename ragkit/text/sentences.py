"""Sentences as exact spans of the text, in one pass and in linear time.

First the lines make blocks: a blank line, a heading, a list item, a table row, a quote or a code fence ends
what stands before it, and a single newline inside a paragraph does not. Fenced code and table rows are not
looked into; code is one block up to its next blank line. Then each block of prose is cut at the marks that
`ragkit.text.sentence_ends` finds to end a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragkit.text.sentence_ends import MARK, ends_sentence
from ragkit.types import Span

_LINE = re.compile(r"[^\n\r\f\u2028\u2029]*+(?:\r\n|[\n\r\f\u2028\u2029]|\Z)")
_FENCE = re.compile(r"`{3,}|~{3,}")
_CLOSING_FENCE = {mark: re.compile(rf"^[ \t>]*{mark}{{3,}}[ \t]*$", re.MULTILINE) for mark in "`~"}
_ALONE = re.compile(r"#{1,6}[ \t]|\|.*\|$|[^|]*\S \| \S|(?:[-*_][ \t]*+){3,}+$|:{3,}|/{3}|!{3}[ \t]|<!--")
_OPENS = re.compile(
    r"[-*+•‣▪◦·][ \t]+\S|[—–][ \t]|\(?(?:\d{1,3}[.)]|[a-zа-я]\))[ \t]+\S"
    r"|\[\^?\w+\]:|\d{1,3}(?:\.\d{1,3})++\.?[ \t]"
)
_UNDERLINE = re.compile(r"={3,}$|-{3,}$")
_SPACE = re.compile(r"\s*+")


def sentence_spans(text: str, language: str | None = None) -> list[Span]:
    """The sentences of `text`, in reading order.

    The spans do not overlap, begin and end with a visible character, and together hold every visible
    character of `text`. Headings, list items, table rows and paragraphs of code count as sentences.

    Args:
        text: prose, Markdown or plain text, in any language.
        language: ISO 639-1; German sentences go on after an ordinal ("der 3. Versuch"). None is fine.

    >>> [span.of("См. рис. 3. Там всё.") for span in sentence_spans("См. рис. 3. Там всё.")]
    ['См. рис. 3.', 'Там всё.']
    """
    spans: list[Span] = []
    for start, end, prose in _blocks(text):
        cuts = _cuts(text, start, end, language) if prose else iter((end,))
        for cut in cuts:
            if (span := _trimmed(text, start, cut)) is not None:
                spans.append(span)
            start = cut
    return spans


def _trimmed(text: str, start: int, end: int) -> Span | None:
    # str.strip of the slice is linear in the slice, and slices do not overlap.
    piece = text[start:end]
    body = piece.lstrip()
    if not body:
        return None
    start += len(piece) - len(body)
    return Span(start, start + len(body.rstrip()))


def _blocks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Ranges that cover the text, each with whether it is prose that may hold several sentences."""
    begun = at = 0
    was_quote = False
    while at < len(text):
        end = _line_end(text, at)
        body = text[at:end].strip()
        is_quote = body.startswith(">")
        if fence := _FENCE.match(body):
            yield begun, at, True
            begun = _fence_end(text, end, fence[0][0])
            yield from _code(text, at, begun)
            end = begun
        elif not body or text[end - 1] in "\f\u2029" or (begun < at and _UNDERLINE.match(body)):
            yield begun, end, True
            begun = end
        elif _ALONE.match(body):
            yield begun, at, True
            yield at, end, False
            begun = end
        elif _OPENS.match(body) or is_quote != was_quote:
            yield begun, at, True
            begun = at
        at, was_quote = end, is_quote
    yield begun, len(text), True


def _line_end(text: str, at: int) -> int:
    line = _LINE.match(text, at)
    return line.end() if line else len(text)


def _fence_end(text: str, at: int, mark: str) -> int:
    """Where the code that a fence before `at` opens has ended; `at` itself where nothing closes it.

    A passage cut out of a page may begin inside code: its first fence is then a closing one.
    """
    closing = _CLOSING_FENCE[mark].search(text, at)
    return _line_end(text, closing.end()) if closing else at


def _code(text: str, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    at = begun = start
    while at < end:
        line_end = min(_line_end(text, at), end)
        if not text[at:line_end].strip():
            yield begun, line_end, False
            begun = line_end
        at = line_end
    yield begun, end, False


def _cuts(text: str, start: int, end: int, language: str | None) -> Iterator[int]:
    begun = _visible(text, start, end)
    for match in MARK.finditer(text, begun, end):
        following = _visible(text, match.end(), end)
        if following >= end:
            break
        if ends_sentence(text, begun, match, following, language):
            yield match.end()
            begun = following
    yield end


def _visible(text: str, at: int, end: int) -> int:
    found = _SPACE.match(text, at, end)
    return found.end() if found else at
