"""The lines of a PDF page with where they stand, from which paragraphs and table cells are told.

A PDF has characters at places and nothing else; PDFium puts them in lines. Lines stay lines in the canonical
text; a wide gap within one parts cells, a wide gap between two parts paragraphs.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby

import pypdfium2
import pypdfium2.raw as pdfium

from ragkit.ingest.parse.tables import SEPARATOR

# PDFium's mark for a hyphen at a line's end, with which it has joined the two halves already.
HYPHEN = "\ufffe"
_LINE_END = re.compile(r"[\r\n]+")
# In heights of a line. Blanks of justified text stay below one; the columns of a table stand further apart.
_CELL_GAP = 1.5
_WORD_GAP = 0.15
_SAME_LINE = 0.6
_FROM_RIGHT = re.compile("[\u0590-\u08ff]{2,}")
_LIGATURES = str.maketrans(
    {
        "\ufb00": "ff",
        "\ufb01": "fi",
        "\ufb02": "fl",
        "\ufb03": "ffi",
        "\ufb04": "ffl",
        "\ufb05": "st",
        "\ufb06": "st",
        "\xad": None,
        "\xa0": " ",
        **{chr(code): None for code in range(32) if chr(code) not in "\t\n\r"},
    }
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page: its cells, the baselines of its first and last character, their height, its ends.

    Positions are in points from the page's bottom and left.
    """

    cells: tuple[str, ...]
    first: float = field(kw_only=True)
    last: float = field(kw_only=True)
    height: float = field(kw_only=True)
    left: float = field(kw_only=True)
    right: float = field(kw_only=True)

    @property
    def is_row(self) -> bool:
        """Whether wide gaps part it into cells."""
        return len(self.cells) > 1

    @property
    def text(self) -> str:
        """The cells with ` | ` between them, as in tables of other formats."""
        return SEPARATOR.join(self.cells)


def page_lines(page: pypdfium2.PdfPage) -> list[Line]:
    """The lines of a page that hold anything visible, in the order that the page has them in."""
    textpage = page.get_textpage()
    try:
        lines = _mended(_lines(textpage, _characters(textpage)))
    finally:
        textpage.close()
    return [_plain(lines, i) for i in range(len(lines))]


def _mended(pieces: Iterable[Line]) -> list[Line]:
    """The lines, those put together that PDFium parts at each change of height: at `x²`, at a note's mark."""
    lines: list[Line] = []
    for piece in pieces:
        if lines and _follows(lines[-1], piece):
            lines[-1] = _joined(lines[-1], piece)
        else:
            lines.append(piece)
    return lines


def _follows(before: Line, after: Line) -> bool:
    """Whether a piece stands to the right of another one on the same line."""
    height = max(before.height, after.height)
    return abs(after.first - before.last) < _SAME_LINE * height and after.left > before.right - 0.3 * height


def _joined(before: Line, after: Line) -> Line:
    gap = (after.left - before.right) / max(before.height, after.height)
    if gap > _CELL_GAP:
        cells = before.cells + after.cells
    else:
        blank = " " if gap > _WORD_GAP else ""
        cells = (*before.cells[:-1], f"{before.cells[-1]}{blank}{after.cells[0]}", *after.cells[1:])
    tall = max(before, after, key=lambda line: line.height)
    last = after.last if tall is after else before.last
    return replace(before, cells=cells, last=last, height=tall.height, right=after.right)


def _plain(lines: list[Line], i: int) -> Line:
    """A line with a single wide gap amid lines of prose was stretched to its margin: it is no row."""
    line = lines[i]
    around = [lines[j] for j in (i - 1, i + 1) if 0 <= j < len(lines)]
    if len(line.cells) == 2 and around and not any(other.is_row for other in around):
        return replace(line, cells=(" ".join(line.cells),))
    return line


def _characters(textpage: pypdfium2.PdfTextPage) -> str:
    """The page's characters, one for each of PDFium's, so that an index means the same in both."""
    count = textpage.count_chars()
    text: str = textpage.get_text_range() if count else ""
    if len(text) == count:
        return _turned(textpage, text)
    codes = (pdfium.FPDFText_GetUnicode(textpage, i) for i in range(count))
    hyphens = {2: HYPHEN}
    text = "".join(hyphens.get(code) or (chr(code) if 0 < code < 0x110000 else " ") for code in codes)
    return _turned(textpage, text)


def _turned(textpage: pypdfium2.PdfTextPage, text: str) -> str:
    """The text with the letters of Arabic and Hebrew ligatures in reading order.

    PDFium turns what is drawn from right to left, and with it the letters of a glyph that stands for several,
    which a PDF names in reading order. All of them have the glyph's box.
    """
    return _FROM_RIGHT.sub(
        lambda m: "".join(
            "".join(reversed(letters)) if _is_backwards(letters) else letters
            for letters in _glyphs(textpage, m[0], m.start())
        ),
        text,
    )


def _glyphs(textpage: pypdfium2.PdfTextPage, run: str, start: int) -> Iterator[str]:
    """The letters of a run, those with the same box together."""
    for _, places in groupby(range(start, start + len(run)), key=lambda i: _box(textpage, i)):
        yield "".join(run[i - start] for i in places)


def _is_backwards(letters: str) -> bool:
    # The Unicode ligatures, which PDFium takes apart in the right order, are lam before alef, or at most four
    # letters long; the two that are longer are whole sentences.
    return re.fullmatch("[\u0622\u0623\u0625\u0627]\u0644", letters) is not None or 4 < len(letters) < 8


def _lines(textpage: pypdfium2.PdfTextPage, text: str) -> Iterator[Line]:
    start = 0
    for match in [*_LINE_END.finditer(text), None]:
        end = len(text) if match is None else match.start()
        first, last = start, end
        while first < last and text[first].isspace():
            first += 1
        while last > first and text[last - 1].isspace():
            last -= 1
        if first < last and (line := _line(textpage, text, first, last)).cells:
            yield line
        if match is not None:
            start = match.end()


def _line(textpage: pypdfium2.PdfTextPage, text: str, first: int, last: int) -> Line:
    box = _box(textpage, first)
    height = max(box.top - box.bottom, 1.0)
    cells = []
    at = first
    for i in range(first + 1, last - 1):
        if text[i].isspace() and not text[i + 1].isspace() and _is_wide(textpage, text, i, height):
            cells.append(text[at:i])
            at = i + 1
    cells.append(text[at:last])
    cleaned = tuple(filter(None, (_clean(cell) for cell in cells)))
    end = _box(textpage, last - 1)
    return Line(cleaned, first=box.bottom, last=end.bottom, height=height, left=box.left, right=end.right)


def _is_wide(textpage: pypdfium2.PdfTextPage, text: str, blank: int, height: float) -> bool:
    before = blank - 1
    while before > 0 and text[before].isspace():
        before -= 1
    return _box(textpage, blank + 1).left - _box(textpage, before).right > _CELL_GAP * height


def _clean(text: str) -> str:
    return " ".join(text.translate(_LIGATURES).split())


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    bottom: float
    right: float
    top: float


def _box(textpage: pypdfium2.PdfTextPage, index: int) -> _Box:
    """The box of a character, as high as its font is."""
    rect = pdfium.FS_RECTF()
    if not pdfium.FPDFText_GetLooseCharBox(textpage, index, ctypes.byref(rect)):
        return _Box(0.0, 0.0, 0.0, 0.0)
    return _Box(rect.left, min(rect.bottom, rect.top), rect.right, max(rect.bottom, rect.top))
