"""What an Excel sheet says beside its cells: comments and text boxes, which openpyxl leaves out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ragkit.ingest.parse.archive import Archive
from ragkit.ingest.parse.office import attribute, child, main_part, related, relations
from ragkit.ingest.parse.pptx import drawn_paragraphs
from ragkit.ingest.parse.xml_tree import local

# What Excel writes before a comment of a conversation, for versions that do not know those.
_THREADED = re.compile(r"\A\[Threaded comment\].*?\n\s*Comment:\s*", re.DOTALL)


def sheet_parts(archive: Archive) -> dict[str, str]:
    """The paths of the sheets of a workbook by their titles."""
    book = main_part(archive, "xl/workbook.xml")
    named = relations(archive, book)
    sheets = child(archive.xml(book), "sheets")
    found = {}
    for sheet in sheets if sheets is not None else ():
        # The relation is `r:id`; the plain `sheetId` is another thing.
        relation = named.get(attribute(sheet, "id") or "")
        if relation is not None and relation.path in archive:
            found[sheet.get("name", "")] = relation.path
    return found


def beside_cells(archive: Archive, part: str | None) -> list[str]:
    """The comments of a sheet with their cells, then the text of its boxes and shapes."""
    if part is None:
        return []
    texts = [said for path in related(archive, part, "comments") for said in _comments(archive, path)]
    for path in related(archive, part, "drawing"):
        texts.extend(drawn_paragraphs(archive.xml(path)))
    return texts


def _comments(archive: Archive, path: str) -> Iterator[str]:
    for comment in archive.xml(path).iter():
        body = child(comment, "text") if local(comment) == "comment" else None
        if body is not None:
            text = "".join(t.text or "" for t in body.iter() if local(t) == "t")
            text = " ".join(_THREADED.sub("", text).split())
            if text:
                yield f"Comment on {comment.get('ref', 'a cell')}: {text}"
