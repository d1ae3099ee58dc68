"""PowerPoint (.pptx and its kin) → canonical text: a page per slide: tables, charts, notes, comments."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ragkit.ingest.parse.archive import Archive
from ragkit.ingest.parse.canonical import CanonicalText, Parsed
from ragkit.ingest.parse.grid import Grid, append_grid, grid_of
from ragkit.ingest.parse.office import (
    Relation,
    attribute,
    child,
    core_metadata,
    main_part,
    related,
    relations,
)
from ragkit.ingest.parse.xml_tree import local

_TITLES = frozenset({"title", "ctrTitle"})
# On every slide; kept where they first stand.
_REPEATED = frozenset({"ftr", "dt", "hdr"})


def parse_pptx(data: bytes) -> Parsed:
    """Canonical text of a presentation; title, author and date of its properties become metadata.

    A slide's title is a section. Slide numbers are left out, repeated footers stand once.

    Raises:
        DocumentError: not a complete ZIP archive, beyond its limits, encrypted, or without a main part.
    """
    archive = Archive(data)
    part = main_part(archive, "ppt/presentation.xml")
    named = relations(archive, part)
    writer = _Writer(archive)
    for element in archive.xml(part).iter():
        slide = named.get(_relation_id(element) or "") if local(element) == "sldId" else None
        if slide is not None and slide.path in archive:
            writer.slide(slide.path)
    return writer.out.build(core_metadata(archive))


class _Writer:
    def __init__(self, archive: Archive) -> None:
        self.out = CanonicalText()
        self._archive = archive
        self._repeated: set[str] = set()
        self._named: dict[str, Relation] = {}

    def slide(self, path: str) -> None:
        """Appends a slide and its notes as a page."""
        self.out.page()
        self._named = relations(self._archive, path)
        shapes = list(_shapes(self._archive.xml(path)))
        # A title may be drawn last; it is read first.
        for shape in sorted(shapes, key=lambda s: _placeholder(s) not in _TITLES):
            self._shape(shape)
        for notes in related(self._archive, path, "notesSlide"):
            self._notes(self._archive.xml(notes))
        for comments in related(self._archive, path, "comments"):
            self._comments(self._archive.xml(comments))

    def _shape(self, shape: Element) -> None:
        kind = _placeholder(shape)
        if local(shape) == "graphicFrame":
            self._graphic(shape)
        elif kind in _TITLES:
            self.out.heading(" ".join(text for text, _ in _paragraphs(shape)), level=1)
        elif kind in _REPEATED:
            text = "\n".join(text for text, _ in _paragraphs(shape))
            if text not in self._repeated:
                self._repeated.add(text)
                self.out.block(text)
        elif kind != "sldNum":
            for i, (text, depth) in enumerate(_paragraphs(shape)):
                first = "  " * (depth - 1) + "- " if depth else ""
                self.out.block(first + text.replace("\n", "\n" + " " * len(first)), tight=i > 0)

    def _graphic(self, frame: Element) -> None:
        for element in frame.iter():
            name = local(element)
            if name == "tbl":
                rows = [
                    [" ".join(text for text, _ in _paragraphs(cell)) for cell in row if local(cell) == "tc"]
                    for row in element
                    if local(row) == "tr"
                ]
                append_grid(self.out, grid_of(rows))
            elif name in {"chart", "relIds"}:
                target = self._named.get(_relation_id(element) or attribute(element, "dm") or "")
                if target is not None and target.path in self._archive:
                    self._part(self._archive.xml(target.path), is_chart=name == "chart")

    def _part(self, root: Element, *, is_chart: bool) -> None:
        """Appends a chart as the table it was drawn from, and a diagram as its texts."""
        for i, (text, _) in enumerate(_paragraphs(root)):
            self.out.block(text, tight=i > 0)
        if is_chart:
            series = [element for element in root.iter() if local(element) == "ser"]
            names = [" ".join(_values(child(one, "tx"))) for one in series]
            categories = next((found for one in series if (found := _values(child(one, "cat")))), [])
            columns = [_values(child(one, "val")) or _values(child(one, "yVal")) for one in series]
            height = max(map(len, [categories, *columns]), default=0)
            table = [_padded(column, height) for column in [categories, *columns]]
            rows = tuple(zip(*table, strict=True))
            append_grid(self.out, Grid((), header=("", *names), rows=rows))

    def _notes(self, root: Element) -> None:
        for shape in _shapes(root):
            if _placeholder(shape) == "body":
                for i, (text, _) in enumerate(_paragraphs(shape)):
                    self.out.block(text if i else f"Notes: {text}", tight=i > 0)

    def _comments(self, root: Element) -> None:
        for comment in root.iter():
            # The text stands in an element of its own, or since 2021 in paragraphs of DrawingML.
            if local(comment) in {"cm", "reply"}:
                texts = [child(comment, "text"), child(comment, "txBody")]
                said = " ".join(" ".join(part.itertext()) for part in texts if part is not None)
                if said.strip():
                    self.out.block(f"Comment: {' '.join(said.split())}")


def _shapes(root: Element) -> Iterator[Element]:
    """The shapes of a slide that may hold text, those of groups included."""
    stack = [root]
    while stack:
        element = stack.pop()
        if local(element) in {"sp", "graphicFrame", "cxnSp"}:
            yield element
        elif local(element) != "Fallback":
            stack.extend(reversed(element))


def _placeholder(shape: Element) -> str | None:
    """What a shape is the slide's place for: `title`, `body`, `ftr` …; None for a free one."""
    for properties in shape:
        mark = child(properties, "nvPr", "ph")
        if mark is not None:
            return attribute(mark, "type") or "body"
    return None


def drawn_paragraphs(root: Element) -> list[str]:
    """The paragraphs of the text boxes and shapes of a drawing."""
    return [text for text, _ in _paragraphs(root)]


def _paragraphs(element: Element) -> Iterator[tuple[str, int]]:
    """The paragraphs within an element that hold text, each with its depth in a list."""
    for paragraph in element.iter():
        # Only those of DrawingML: a chart's `p` and a diagram's are other things.
        if local(paragraph) != "p" or "drawingml" not in str(paragraph.tag):
            continue
        parts = []
        for run in paragraph.iter():
            if local(run) == "t":
                parts.append(run.text or "")
            elif local(run) == "br":
                parts.append("\n")
        text = "\n".join(" ".join(line.split()) for line in "".join(parts).split("\n")).strip("\n")
        if text:
            depth = attribute(child(paragraph, "pPr"), "lvl") or "0"
            yield text, int(depth) if depth.isdecimal() and int(depth) < 10 else 0


def _values(element: Element | None) -> list[str]:
    """The cached values of a chart's series or of its categories, at their places."""
    points: dict[int, str] = {}
    loose: list[str] = []
    for point in element.iter() if element is not None else ():
        if local(point) == "pt":
            index = attribute(point, "idx") or ""
            value = child(point, "v")
            if index.isdecimal() and int(index) < 10_000 and value is not None:
                points[int(index)] = value.text or ""
        elif local(point) == "v" and not points:
            loose.append(point.text or "")
    return [points.get(i, "") for i in range(max(points) + 1)] if points else loose


def _padded(values: list[str], height: int) -> list[str]:
    return values + [""] * (height - len(values))


def _relation_id(element: Element) -> str | None:
    """The attribute `r:id`, which has the name of a plain `id` but for its namespace."""
    return next((value for key, value in element.items() if key.endswith("relationships}id")), None)
