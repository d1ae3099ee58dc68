"""PDF → canonical text with its pages; bookmarks become sections, hyphenated words are joined."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from statistics import median

import pypdfium2
import pypdfium2.raw as pdfium

from ragkit.errors import DocumentError
from ragkit.ingest.parse.archive import not_as_named
from ragkit.ingest.parse.canonical import CanonicalText, Parsed
from ragkit.ingest.parse.hyphens import hyphen_joiner
from ragkit.ingest.parse.pdf_annotations import annotation_texts
from ragkit.ingest.parse.pdf_lines import HYPHEN, Line, page_lines
from ragkit.ingest.parse.pdf_outline import bookmarks, headings
from ragkit.types import MetadataValue

# In distances between the page's own lines: one and a half already is a paragraph's.
_PARAGRAPH_GAP = 1.35
_SIZE_CHANGE = 1.2
_OVERLAP = 0.7
# Where viewers look for the mark of a PDF.
_HEAD = 1024
# A file may claim any number of pages; after so many in a row that are not there, the rest are not sought.
_MAX_MISSING = 1_000
_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)(\d\d)?)?")
_PROGRAM_TITLE = re.compile(r"^(?:Microsoft (?:Word|PowerPoint|Excel) - )|^untitled$", re.I)
# Characters of fonts that do not say which letters their shapes are.
_UNREADABLE = re.compile("[\ufffd\ue000-\uf8ff\U000f0000-\U0010fffd]")
_MAX_UNREADABLE = 0.3


def parse_pdf(data: bytes) -> Parsed:
    """Canonical text of a PDF, in the order its pages have it in, with the span of each page.

    Values of form fields and comments stand at the end of their page. `title`, `author` and `date` become
    metadata. Pages that are images without text, and pages that cannot
    be read, are noted.

    Raises:
        DocumentError: it needs a password, has no text layer at all or one that is not readable (run OCR
            first), or is damaged.
    """
    pdf = _opened(data)
    try:
        if pdf.get_formtype() != pdfium.FORMTYPE_NONE:
            pdf.init_forms()
        pages, beside, problems = _pages(pdf)
        if not any(pages) and not beside:
            raise _without_text(pdf, len(pages), problems[: len(pages)])
        _check_readable(pages)
        out = _written(pdf, pages, beside)
        metadata = _metadata(pdf)
        notes = _notes(pdf, pages, problems)
    finally:
        pdf.close()
    if notes:
        metadata["notes"] = notes
    return out.build(metadata)


def _opened(data: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as e:
        if getattr(e, "err_code", None) == pdfium.FPDF_ERR_PASSWORD:
            reason = "needs_password: it is encrypted. Save it without a password, then ingest it again"
            raise DocumentError(reason, stage="parse") from e
        if b"%PDF" not in data[:_HEAD]:
            raise DocumentError(not_as_named("a PDF", data), stage="parse") from e
        reason = "it is damaged: it cannot be opened as a PDF. Open it in a viewer and print it to a new PDF"
        raise DocumentError(reason, stage="parse") from e


def _pages(pdf: pypdfium2.PdfDocument) -> tuple[list[list[Line]], dict[int, list[str]], list[int]]:
    """The lines of each page, what stands beside them by the page's index, and the numbers of the pages that
    cannot be read."""
    pages: list[list[Line]] = []
    beside: dict[int, list[str]] = {}
    problems: list[int] = []
    for index in range(len(pdf)):
        if len(problems) >= _MAX_MISSING and problems[-_MAX_MISSING] == index + 1 - _MAX_MISSING:
            problems.extend(range(index + 1, len(pdf) + 1))
            break
        try:
            with _page(pdf, index) as page:
                lines = page_lines(page)
                texts = annotation_texts(page)
        except pypdfium2.PdfiumError:
            lines, texts = [], []
            problems.append(index + 1)
        pages.append(lines)
        if texts:
            beside[index] = texts
    return pages, beside, problems


@contextmanager
def _page(pdf: pypdfium2.PdfDocument, index: int) -> Iterator[pypdfium2.PdfPage]:
    page = pdf[index]
    try:
        yield page
    finally:
        page.close()


def _written(
    pdf: pypdfium2.PdfDocument, pages: Sequence[Sequence[Line]], beside: Mapping[int, Sequence[str]]
) -> CanonicalText:
    join = hyphen_joiner((line.text for lines in pages for line in lines), HYPHEN)
    marks = bookmarks(pdf)
    writer = _Writer(join)
    for index, lines in enumerate(pages):
        writer.out.page()
        opened = headings(marks.get(index, []), lines)
        at = 0
        for heading in opened:
            writer.paragraphs(lines[at : heading.at])
            at = heading.at + heading.n_lines
            if heading.n_lines:
                title = " ".join(line.text for line in lines[heading.at : at])
                writer.out.heading(join(title), level=heading.bookmark.level)
            else:
                writer.out.section(heading.bookmark.title, level=heading.bookmark.level)
            writer.is_open = False
        writer.paragraphs(lines[at:])
        writer.notes(beside.get(index, ()))
    return writer.out


class _Writer:
    def __init__(self, join: Callable[[str], str]) -> None:
        self.out = CanonicalText()
        # Whether the text so far ends within a sentence, which the next page may carry on.
        self.is_open = False
        self._join = join

    def paragraphs(self, lines: Sequence[Line]) -> None:
        pitch = _pitch(lines)
        paragraph: list[str] = []
        tight = False
        before: Line | None = None
        for line in lines:
            if before is None or line.is_row or before.is_row or _parts(before, line, pitch):
                self._block(paragraph, tight)
                paragraph = []
                tight = before is not None and line.is_row and before.is_row
                if before is None:
                    tight = self.is_open and line.text[:1].islower()
            paragraph.append(self._join(line.text))
            before = line
        self._block(paragraph, tight)
        if before is not None:
            self.is_open = before.text[-1].isalpha() or before.text[-1] in ",-–—"

    def notes(self, texts: Sequence[str]) -> None:
        for text in texts:
            self.out.block(text)
            self.is_open = False

    def _block(self, paragraph: list[str], tight: bool) -> None:
        if paragraph:
            self.out.block("\n".join(paragraph), tight=tight)


def _pitch(lines: Sequence[Line]) -> float:
    """The usual distance between two lines of a paragraph on this page, in heights of a line."""
    steps = [
        (above.last - below.first) / above.height
        for above, below in pairwise(lines)
        if 0.5 < (above.last - below.first) / above.height < 2.5
    ]
    return median(steps) if steps else 1.2


def _parts(above: Line, below: Line, pitch: float) -> bool:
    """Whether a paragraph ends between two lines."""
    step = (above.last - below.first) / above.height
    sizes = sorted((above.height, below.height))
    if (
        abs(above.last - below.first) < _OVERLAP * sizes[0]
    ):  # what is raised or lowered within a line: an exponent, an index
        return False
    if sizes[1] > _SIZE_CHANGE * sizes[0]:
        return True
    if step < -0.5:  # further up: the next column, in which the sentence may go on
        return not (below.text[:1].islower() and above.text[-1:].isalpha())
    return step > _PARAGRAPH_GAP * pitch


def _without_text(pdf: pypdfium2.PdfDocument, n_pages: int, problems: Sequence[int]) -> DocumentError:
    if n_pages == 0 or len(problems) == n_pages:
        reason = f"it is damaged: none of its {_counted(n_pages)} can be read. Print it to a new PDF"
        return DocumentError(reason, stage="parse")
    if not any(_has_content(pdf, index) for index in range(n_pages)):
        # Content that is broken cannot be told from none.
        reason = f"it is blank or damaged: {_counted(n_pages)} without content that can be read"
        return DocumentError(f"{reason}. If a viewer shows text, print it to a new PDF", stage="parse")
    reason = f"no text layer: {_counted(n_pages)} of images or drawings only. Run OCR first"
    return DocumentError(f"{reason}, for example ocrmypdf IN.pdf OUT.pdf", stage="parse")


def _has_content(pdf: pypdfium2.PdfDocument, index: int, kinds: Sequence[int] | None = None) -> bool:
    try:
        page = pdf[index]
    except pypdfium2.PdfiumError:
        return False
    try:
        return next(iter(page.get_objects(filter=kinds, max_depth=3)), None) is not None
    finally:
        page.close()


def _check_readable(pages: Sequence[Sequence[Line]]) -> None:
    text = "".join(line.text for lines in pages for line in lines)
    share = len(_UNREADABLE.findall(text)) / max(1, len(text))
    if share > _MAX_UNREADABLE:
        raise DocumentError(
            f"its text layer is not readable: its fonts do not say which letters {share:.0%} of the "
            "characters are. Run OCR first, for example ocrmypdf --force-ocr IN.pdf OUT.pdf",
            stage="parse",
        )


def _notes(
    pdf: pypdfium2.PdfDocument, pages: Sequence[Sequence[Line]], problems: Sequence[int]
) -> tuple[str, ...]:
    notes = []
    if problems:
        notes.append(f"pages that cannot be read: {_listed(problems)}")
    images = [
        index + 1
        for index, lines in enumerate(pages)
        if not lines and index + 1 not in problems and _has_content(pdf, index, [pdfium.FPDF_PAGEOBJ_IMAGE])
    ]
    if images:
        notes.append(f"pages without a text layer (run OCR to index them): {_listed(images)}")
    return tuple(notes)


def _counted(n_pages: int) -> str:
    return "1 page" if n_pages == 1 else f"{n_pages:,} pages"


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:20]))
    return f"{shown} and {len(numbers) - 20} more" if len(numbers) > 20 else shown


def _metadata(pdf: pypdfium2.PdfDocument) -> dict[str, MetadataValue]:
    said = pdf.get_metadata_dict(skip_empty=True)
    metadata: dict[str, MetadataValue] = {}
    title = " ".join(_PROGRAM_TITLE.sub("", said.get("Title", "").strip("\x00 ")).split())
    if title:
        metadata["title"] = title
    author = " ".join(said.get("Author", "").split())
    if author:
        metadata["author"] = author
    match = _DATE.match(said.get("CreationDate", ""))
    if match:
        metadata["date"] = _iso(match)
    return metadata


def _iso(match: re.Match[str]) -> str:
    year, month, day, hour, minute, second = match.groups()
    date = f"{year}-{month or '01'}-{day or '01'}"
    return f"{date}T{hour}:{minute}:{second or '00'}" if hour else date
