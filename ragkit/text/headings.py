"""Under which headings a stretch of a document stands."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.types import Document, Section, Span


def heading_paths(document: Document, spans: Sequence[Span]) -> list[tuple[str, ...]]:
    """The titles of the sections that hold each span as a whole, outermost first.

    A span over two sections has their common path. The document's title comes first where no section carries
    it.

    Args:
        document: whose sections are looked at.
        spans: in reading order.
    """
    title = document.metadata.get("title")
    sections = sorted(document.sections, key=lambda s: (s.span.start, -s.span.end))
    paths = []
    open_: list[Section] = []
    at = 0
    for span in spans:
        while at < len(sections) and sections[at].span.start <= span.start:
            open_.append(sections[at])
            at += 1
        open_ = [s for s in open_ if s.span.end > span.start]
        path = [s.title for s in open_ if s.span.end >= span.end and s.span.start <= span.start]
        if isinstance(title, str) and title.strip() and (not path or not _says(path[0], title)):
            top = min((s.level for s in open_), default=None)
            if top is None or top > 1 or not path:
                path.insert(0, " ".join(title.split()))
        paths.append(tuple(path))
    return paths


def _says(heading: str, title: str) -> bool:
    """Whether a heading already carries the document's title, as in `Install – Acme Docs`."""
    return heading.casefold() in title.casefold()
