"""Word (.docx and its kin) → canonical text: headings, lists, tables, notes, comments, headers, footers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element

from ragkit.ingest.parse.archive import Archive
from ragkit.ingest.parse.canonical import CanonicalText, Parsed
from ragkit.ingest.parse.docx_runs import Runs, read_runs
from ragkit.ingest.parse.docx_styles import Numbering, Styles
from ragkit.ingest.parse.grid import append_grid, grid_of
from ragkit.ingest.parse.office import attribute, child, core_metadata, main_part, related
from ragkit.ingest.parse.xml_tree import local

# A cell of this many characters lays out a page; it is no value of a table.
_LONG_CELL = 500
_WRAPPERS = frozenset(
    (  # noqa: SIM905
        "body sdt sdtContent customXml smartTag ins moveTo AlternateContent Choice hdr ftr footnote endnote "
        "txbxContent tc"
    ).split()
)


def parse_docx(data: bytes) -> Parsed:
    """Canonical text of a Word document; title, author and date of its properties become metadata.

    Tracked insertions count as text, deletions do not. A footnote stands after the paragraph that refers
    to it, and so does a comment, with its author; page headers and footers stand once, at the beginning and
    at the end.

    Raises:
        DocumentError: not a complete ZIP archive, beyond its limits, encrypted, or without a main part.
    """
    archive = Archive(data)
    part = main_part(archive, "word/document.xml")
    writer = _Writer(archive, part)
    writer.furniture("header")
    body = child(archive.xml(part), "body")
    if body is not None:
        writer.write(body)
    writer.furniture("footer")
    return writer.out.build(core_metadata(archive))


class _Writer:
    def __init__(self, archive: Archive, part: str) -> None:
        self.out = CanonicalText()
        self._archive = archive
        self._part = part
        self._styles = Styles(self._root("styles"))
        self._numbering = Numbering(self._root("numbering"))
        self._notes = {kind: self._footnotes(kind) for kind in ("footnote", "endnote", "comment")}
        self._in_list = False

    def furniture(self, kind: str) -> None:
        """Appends the page headers or footers, each text once."""
        seen: set[str] = set()
        for path in related(self._archive, self._part, kind):
            root = self._archive.xml(path)
            text = " ".join(_plain(root).split())
            # A lone number is the page's.
            if text and text not in seen and not text.isdecimal():
                seen.add(text)
                self.write(root)

    def write(self, container: Element) -> None:
        """Appends the paragraphs and tables within an element."""
        for element in container:
            name = local(element)
            if name == "p":
                self._paragraph(element)
            elif name == "tbl":
                self._table(element)
            elif name in _WRAPPERS:
                self.write(element)

    def _paragraph(self, paragraph: Element) -> None:
        runs = read_runs(paragraph)
        level = self._styles.level(paragraph)
        if runs.text and level is not None:
            self.out.heading(runs.text, level=level)
            self._in_list = False
        elif runs.text:
            self._body_text(paragraph, runs.text)
        self._attached([runs])

    def _body_text(self, paragraph: Element, text: str) -> None:
        item = self._styles.numbering(paragraph)
        if item is None:
            self.out.block(text)
        else:
            list_id, depth = item
            first = "  " * depth + self._numbering.marker(list_id, depth)
            self.out.block(first + text.replace("\n", "\n" + " " * len(first)), tight=self._in_list)
        self._in_list = item is not None

    def _attached(self, read: Sequence[Runs]) -> None:
        """Appends the notes, comments and text boxes of paragraphs that were just appended."""
        for runs in read:
            for kind, note_id in runs.notes:
                # Taken out, so that a footnote that refers to itself ends.
                note = self._notes[kind].pop(note_id, None)
                if note is not None and kind == "comment":
                    self._comment(note)
                elif note is not None:
                    self.write(note)
            for box in runs.boxes:
                self.write(box)

    def _comment(self, comment: Element) -> None:
        author = attribute(comment, "author")
        text = " ".join(_plain(comment).split())
        if text:
            self.out.block(f"Comment ({author}): {text}" if author else f"Comment: {text}")

    def _table(self, table: Element) -> None:
        rows = list(_rows(table))
        cells = [cell for row in rows for cell in row]
        if max(map(len, rows), default=0) <= 1 or any(len(_plain(cell)) > _LONG_CELL for cell in cells):
            for cell in cells:
                self.write(cell)
            return
        read: list[Runs] = []
        texts: list[list[str]] = []
        for row in rows:
            texts.append([])
            for cell in row:
                above = texts[-2] if len(texts) > 1 else []
                column = len(texts[-1])
                texts[-1].append(
                    above[column] if _goes_on(cell) and column < len(above) else _cell(cell, read)
                )
                texts[-1].extend([""] * (_width(cell) - 1))
        append_grid(self.out, grid_of(texts))
        self._in_list = False
        self._attached(read)

    def _root(self, kind: str) -> Element | None:
        paths = related(self._archive, self._part, kind)
        return self._archive.xml(paths[0]) if paths else None

    def _footnotes(self, kind: str) -> dict[str, Element]:
        root = self._root(f"{kind}s")
        # Those with a type are the lines that separate footnotes from the page.
        return {
            attribute(note, "id") or "": note
            for note in (root if root is not None else ())
            if local(note) == kind and attribute(note, "type") in {None, "normal"}
        }


def _rows(table: Element) -> Iterator[list[Element]]:
    for element in table:
        if local(element) == "tr" and child(element, "trPr", "del") is None:
            yield list(_cells(element))
        elif local(element) in _WRAPPERS:
            yield from _rows(element)


def _cells(row: Element) -> Iterator[Element]:
    for element in row:
        if local(element) == "tc":
            yield element
        elif local(element) in _WRAPPERS:
            yield from _cells(element)


def _cell(cell: Element, read: list[Runs]) -> str:
    """A cell's text on one line; its paragraphs are added to `read`."""
    own = [read_runs(p) for p in cell.iter() if local(p) == "p"]
    read.extend(own)
    return " ".join(runs.text for runs in own if runs.text)


def _plain(element: Element) -> str:
    return " ".join(read_runs(p).text for p in element.iter() if local(p) == "p")


def _width(cell: Element) -> int:
    span = attribute(child(cell, "tcPr", "gridSpan"), "val") or "1"
    return max(1, min(int(span), 100)) if span.isdecimal() else 1


def _goes_on(cell: Element) -> bool:
    """Whether a cell continues the one above it."""
    merge = child(cell, "tcPr", "vMerge")
    return merge is not None and attribute(merge, "val") != "restart"
