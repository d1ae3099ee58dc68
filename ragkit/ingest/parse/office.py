"""What Office documents have in common: parts that name each other by relations, and properties."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from ragkit.errors import DocumentError
from ragkit.ingest.parse.archive import Archive, within
from ragkit.ingest.parse.xml_tree import local
from ragkit.types import MetadataValue

_PROPERTIES = "docProps/core.xml"
_KEYS = {"title": "title", "creator": "author", "created": "date"}


@dataclass(frozen=True, slots=True)
class Relation:
    """A part that another part names: the last word of the relation's type, and the part's path."""

    kind: str
    path: str = field(kw_only=True)


def relations(archive: Archive, part: str) -> dict[str, Relation]:
    """The parts that `part` names, by the id it names them with; `""` stands for the whole package."""
    folder, name = posixpath.split(part)
    path = posixpath.join(folder, "_rels", f"{name}.rels")
    if path not in archive:
        return {}
    found = {}
    for element in archive.xml(path):
        # What lies outside of the package (a link, a linked image) is never fetched.
        if local(element) == "Relationship" and element.get("TargetMode") != "External":
            kind = element.get("Type", "").rpartition("/")[2]
            found[element.get("Id", "")] = Relation(kind, path=within(folder, element.get("Target", "")))
    return found


def related(archive: Archive, part: str, kind: str) -> list[str]:
    """The paths of the parts of a kind that `part` names and that are there."""
    return [r.path for r in relations(archive, part).values() if r.kind == kind and r.path in archive]


def main_part(archive: Archive, expected: str) -> str:
    """The path of the document's main part; `expected` is where it usually lies.

    Raises:
        DocumentError: there is none.
    """
    for path in [*related(archive, "", "officeDocument"), expected]:
        if path in archive:
            return path
    raise DocumentError("it is damaged (its main part is missing). Open it and save it again", stage="parse")


def core_metadata(archive: Archive) -> dict[str, MetadataValue]:
    """Title, author and date as the document's properties say them."""
    if _PROPERTIES not in archive:
        return {}
    metadata: dict[str, MetadataValue] = {}
    try:
        properties = archive.xml(_PROPERTIES)
    except DocumentError:
        return {}  # the document itself can be read without them
    for element in properties:
        key, text = _KEYS.get(local(element)), " ".join((element.text or "").split())
        if key is not None and text:
            metadata[key] = text
    return metadata


def attribute(element: Element | None, name: str) -> str | None:
    """An attribute by its name without its namespace."""
    if element is None:
        return None
    for key, value in element.items():
        if key.rpartition("}")[2] == name:
            return value
    return None


def child(element: Element | None, *names: str) -> Element | None:
    """The element at the end of a path of names without their namespaces."""
    for name in names:
        if element is None:
            return None
        element = next((part for part in element if local(part) == name), None)
    return element
