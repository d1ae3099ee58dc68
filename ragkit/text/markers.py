"""Citation markers as language models write them, found where they stand and told from what looks alike.

Read as markers: `[1]`, `[1, 2]`, `[1-3]`, `[1][2]`, `【1†source】`, `[^1]`, `[doc 1]`, `(source 2)`,
`[источник 1]`, `[1](https://…)`, and after the mark that ends a sentence `¹`. A bare `(1)` counts only at the
end of a clause, in a text that has no other marker, and where there is such a passage. Nothing inside code or
quotation marks is a marker, nor is an index such as `row[9]` where there is no passage 9.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ragkit.text.spans import intersect
from ragkit.types import Span

_LABEL = (
    r"(?:(?:documents?|docs?|sources?|passages?|references?|refs?|context|chunk|citations?|cite|see"
    r"|документы?|док|источники?|ист|пассажи?|фрагменты?|отрывки?|ссылк[аи]|см)\.?[ \u00a0:#№]*)"
)
_ONE = r"\^?#?\d{1,3}(?:\s*[-–—‑]\s*\d{1,3})?"
_LIST = rf"{_ONE}(?:\s*(?:,|;|&|/|\band\b|\bи\b)\s*{_LABEL}?{_ONE}){{0,20}}"
_BRACKETED = re.compile(
    rf"[\[【［]\s*{_LABEL}?(?P<list>{_LIST})(?:†[^\]】\n]{{0,40}})?\s*[\]】］](?!:)(?:\((?:https?:|#)[^)\s]*\))?",
    re.IGNORECASE,
)
_LABELLED = re.compile(rf"\(\s*{_LABEL}(?P<list>{_LIST})\s*\)", re.IGNORECASE)
_BARE = re.compile(
    r"(?<=[^\W_])[ \u00a0](?P<run>(?:\((?:\d{1,3}(?:, ?\d{1,3}){0,9})\)){1,9})(?=\s*(?:[.!?;,]|$))", re.M
)
_RAISED = re.compile('(?<=[.!?…»”"])[¹²³⁴⁵⁶⁷⁸⁹⁰]{1,2}(?:[,˒ ]?[¹²³⁴⁵⁶⁷⁸⁹]{1,2})*')
_FROM_RAISED = str.maketrans("¹²³⁴⁵⁶⁷⁸⁹⁰", "1234567890")
_ITEM = re.compile(r"(\d{1,3})(?:\s*[-–—‑]\s*(\d{1,3}))?")
_CODE = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,}).*?(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)|(?P<tick>`+)[^`\n]+(?P=tick)",
    re.M | re.S,
)
_QUOTED = re.compile(r"«[^«»]{1,600}»|“[^“”]{1,600}”|„[^„“”]{1,600}[“”]|(?<!\w)\"[^\"\n]{1,400}\"(?!\w)")
_WIDEST_RANGE = 20


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker of a text: where it stands, and the numbers of the passages it names, as written.

    The numbers are not checked: `[9]` of five passages is a marker too, one that points nowhere.
    """

    span: Span
    numbers: tuple[int, ...]


def find_markers(text: str, n_passages: int) -> list[Marker]:
    """The markers of a text that cites passages `1..n_passages`, in reading order, not overlapping.

    >>> [m.numbers for m in find_markers("Two years [1, 3-5]. So `a[1]` says 【2】.", 5)]
    [(1, 3, 4, 5), (2,)]
    """
    closed = [Span(*m.span()) for m in _CODE.finditer(text)]
    closed += [Span(*m.span()) for m in _QUOTED.finditer(text)]
    found: list[Marker] = []
    for pattern in (_BRACKETED, _LABELLED):
        for match in pattern.finditer(text):
            numbers = _numbers(match["list"])
            if numbers and not _is_index(text, match.start(), numbers, n_passages):
                found.append(Marker(Span(*match.span()), numbers))
    found += _raised(text)
    found = [m for m in found if not any(intersect(m.span, c) for c in closed)]
    if not found:
        found = [m for m in _bare(text, n_passages) if not any(intersect(m.span, c) for c in closed)]
    return sorted(found, key=lambda m: m.span)


def code_spans(text: str) -> list[Span]:
    """Where a Markdown text has code: fenced blocks, an open one up to the end, and words in backticks."""
    return [Span(*match.span()) for match in _CODE.finditer(text)]


def quoted_spans(text: str) -> list[Span]:
    """What stands in quotation marks, with the marks."""
    return [Span(*match.span()) for match in _QUOTED.finditer(text)]


def _is_index(text: str, at: int, numbers: tuple[int, ...], n_passages: int) -> bool:
    """`row[9]`: no blank before it, and no such passage."""
    sticks = at > 0 and (text[at - 1].isalnum() or text[at - 1] == "_")
    return sticks and not all(1 <= n <= n_passages for n in numbers)


def _numbers(listed: str) -> tuple[int, ...]:
    found: dict[int, None] = {}
    for match in _ITEM.finditer(listed):
        first, last = int(match[1]), int(match[2] or match[1])
        wide = not first <= last < first + _WIDEST_RANGE
        found.update(dict.fromkeys((first, last) if wide else range(first, last + 1)))
    return tuple(found)


def _raised(text: str) -> Iterator[Marker]:
    for match in _RAISED.finditer(text):
        numbers = [int(n) for n in re.split(r"[,˒ ]", match[0].translate(_FROM_RAISED)) if n]
        yield Marker(Span(*match.span()), tuple(dict.fromkeys(numbers)))


def _bare(text: str, n_passages: int) -> Iterator[Marker]:
    for match in _BARE.finditer(text):
        numbers = tuple(dict.fromkeys(int(n) for n in re.findall(r"\d+", match["run"])))
        if all(1 <= n <= n_passages for n in numbers):
            yield Marker(Span(*match.span("run")), numbers)
