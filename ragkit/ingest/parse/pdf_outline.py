"""The bookmarks of a PDF, and the lines that are the headings they name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

import pypdfium2

from ragkit.ingest.parse.pdf_lines import Line

_MAX_BOOKMARKS = 10_000
# A heading that is broken over lines.
_MAX_LINES = 3
_NOT_WORD = re.compile(r"\W+")


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A bookmark: its title, its level from 1, and the height on the page it leads to, None for its top."""

    title: str
    level: int = field(kw_only=True)
    top: float | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Heading:
    """Where a bookmark's section begins: before line `at`, of which `n_lines` are its title's own."""

    bookmark: Bookmark
    at: int = field(kw_only=True)
    n_lines: int = field(default=0, kw_only=True)


def bookmarks(pdf: pypdfium2.PdfDocument) -> dict[int, list[Bookmark]]:
    """The bookmarks by the page they lead to, in the order of the outline."""
    found: dict[int, list[Bookmark]] = {}
    for entry in islice(pdf.get_toc(), _MAX_BOOKMARKS):
        target = entry.get_dest()
        page = None if target is None else target.get_index()
        title = " ".join(entry.get_title().split())
        if target is None or page is None or not title:
            continue
        bookmark = Bookmark(title, level=entry.level + 1, top=_top(target))
        found.setdefault(page, []).append(bookmark)
    return found


def headings(marks: Sequence[Bookmark], lines: Sequence[Line]) -> list[Heading]:
    """Where on the page each bookmark's section begins, in reading order.

    At the line that says its title; else at the height it leads to; else at the top.
    """
    taken = 0
    found = []
    for mark in marks:
        heading = _titled(mark, lines, taken) or Heading(mark, at=max(taken, _line_at(mark, lines)))
        taken = heading.at + heading.n_lines
        found.append(heading)
    return found


def _titled(mark: Bookmark, lines: Sequence[Line], start: int) -> Heading | None:
    wanted = _normal(mark.title)
    if not wanted:
        return None
    for at in range(start, len(lines)):
        said = ""
        for n in range(1, min(_MAX_LINES, len(lines) - at) + 1):
            said += _normal(lines[at + n - 1].text)
            # The number of a section stands in the text, in the bookmark or in both.
            if said == wanted or said.lstrip("0123456789") == wanted.lstrip("0123456789") != "":
                return Heading(mark, at=at, n_lines=n)
            if len(said) > len(wanted) + 10:
                break
    return None


def _normal(title: str) -> str:
    return _NOT_WORD.sub("", title).casefold()


def _line_at(mark: Bookmark, lines: Sequence[Line]) -> int:
    if mark.top is None:
        return 0
    return next((i for i, line in enumerate(lines) if line.first <= mark.top), 0)


def _top(target: pypdfium2.PdfDest) -> float | None:
    _, numbers = target.get_view()
    return float(numbers[1]) if len(numbers) == 3 else None  # XYZ: left, top, zoom
