"""EPUB → canonical text: its chapters in reading order, each read as an HTML page."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from ragkit.errors import DocumentError
from ragkit.ingest.parse.archive import Archive, within
from ragkit.ingest.parse.canonical import CanonicalText, Parsed
from ragkit.ingest.parse.charset import decode_lenient
from ragkit.ingest.parse.html import declared_charset, parse_html
from ragkit.ingest.parse.xml_tree import local
from ragkit.types import MetadataValue

_CONTAINER = "META-INF/container.xml"
_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml"})
_MAX_NOTES = 10


def parse_epub(data: bytes) -> Parsed:
    """Canonical text of an EPUB book; `title`, `author`, `date` and `lang` become metadata.

    A chapter is a section: by its own first heading, or by its name in the table of contents.

    Raises:
        DocumentError: not a complete ZIP archive, beyond its limits, encrypted, or without a list of parts.
    """
    archive = Archive(data)
    book = _book(archive)
    names = _contents(archive, book)
    out = CanonicalText()
    notes: list[str] = []
    for path in book.spine:
        if path not in archive:
            notes.append(f"the chapter {path} is missing")
            continue
        page = archive.read(path)
        chapter = parse_html(decode_lenient(page, declared=declared_charset(page)).text)
        if chapter.text and not chapter.sections and path in names:
            out.section(names[path], level=1)
        out.include(chapter)
    metadata = dict(book.metadata)
    if notes:
        metadata["notes"] = tuple(notes[:_MAX_NOTES])
    return out.build(metadata)


@dataclass(frozen=True, slots=True)
class _Book:
    """What the package file says: the chapters in order, the tables of contents, the metadata."""

    spine: tuple[str, ...]
    contents: tuple[str, ...] = field(kw_only=True)
    metadata: dict[str, MetadataValue] = field(kw_only=True)


def _book(archive: Archive) -> _Book:
    path = _package_path(archive)
    root = archive.xml(path)
    folder = posixpath.dirname(path)
    items: dict[str, Element] = {}
    spine: list[str] = []
    metadata: dict[str, MetadataValue] = {}
    for element in root.iter():
        name = local(element)
        if name == "item" and "id" in element.attrib:
            items[element.attrib["id"]] = element
        elif name == "itemref":
            spine.append(element.get("idref", ""))
        elif name in {"title", "creator", "date", "language"} and (element.text or "").strip():
            key = {"creator": "author", "language": "lang"}.get(name, name)
            metadata.setdefault(key, " ".join((element.text or "").split()))
    pages = [
        within(folder, items[ref].get("href", ""))
        for ref in spine
        if ref in items and items[ref].get("media-type", "application/xhtml+xml") in _PAGES
    ]
    contents = [
        within(folder, item.get("href", ""))
        for item in items.values()
        if "nav" in item.get("properties", "").split() or item.get("media-type") == "application/x-dtbncx+xml"
    ]
    return _Book(tuple(dict.fromkeys(pages)), contents=tuple(contents), metadata=metadata)


def _package_path(archive: Archive) -> str:
    for element in archive.xml(_CONTAINER).iter():
        if local(element) == "rootfile" and element.get("full-path"):
            return within("", element.attrib["full-path"])
    raise DocumentError(f"{_CONTAINER} names no package file. Open the book and save it again", stage="parse")


def _contents(archive: Archive, book: _Book) -> dict[str, str]:
    """The names of chapters by their paths, from the book's own tables of contents."""
    names: dict[str, str] = {}
    for path in book.contents:
        if path not in archive:
            continue
        try:
            root = archive.xml(path)
        except DocumentError:
            continue  # the chapters themselves are what counts; they only lose their names
        folder = posixpath.dirname(path)
        for element in root.iter():
            link, title = _entry(element)
            if link and title:
                names.setdefault(within(folder, link), title)
    return names


def _entry(element: Element) -> tuple[str, str]:
    if local(element) == "a":  # of the XHTML table of contents of EPUB 3
        return element.get("href", ""), " ".join("".join(element.itertext()).split())
    if local(element) != "navPoint":  # of the NCX of EPUB 2
        return "", ""
    link = next((child.get("src", "") for child in element if local(child) == "content"), "")
    label = next((child for child in element if local(child) == "navLabel"), None)
    return link, "" if label is None else " ".join("".join(label.itertext()).split())
