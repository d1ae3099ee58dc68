"""The text of a Word paragraph as it shows: insertions yes, deletions and page numbers no."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from ragkit.ingest.parse.office import attribute, child
from ragkit.ingest.parse.xml_tree import local

# Properties of a paragraph or run; deleted and moved text; what another form of the same stands beside.
_UNSEEN = frozenset({"pPr", "rPr", "sdtPr", "del", "moveFrom", "delText", "Fallback", "rubyPr", "rt"})
_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}
_NOTES = {"footnoteReference": "footnote", "endnoteReference": "endnote", "commentReference": "comment"}
_PAGE_FIELD = re.compile(r"\s*(?:PAGE|NUMPAGES|SECTIONPAGES)\b", re.I)


@dataclass(slots=True)
class Runs:
    """A paragraph's text, the notes and comments it refers to as `(kind, id)`, and its text boxes."""

    parts: list[str] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    boxes: list[Element] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text, its lines without blanks at their ends."""
        lines = "".join(self.parts).split("\n")
        return "\n".join(" ".join(line.split()) for line in lines).strip("\n")


def read_runs(paragraph: Element) -> Runs:
    """The content of a paragraph in reading order."""
    runs = Runs()
    fields: list[str] = []
    for element in _visible(paragraph):
        name = local(element)
        if name == "fldChar":
            kind = attribute(element, "fldCharType")
            if kind == "begin":
                fields.append("")
            elif kind == "end" and fields:
                fields.pop()
        elif name == "instrText" and fields:
            fields[-1] += element.text or ""
        elif any(_PAGE_FIELD.match(code) for code in fields):
            continue  # the number of the page that the text stood on when it was saved
        elif name == "t":
            runs.parts.append(element.text or "")
        elif name in _CHARACTERS:
            runs.parts.append(_CHARACTERS[name])
        elif name in _NOTES:
            runs.notes.append((_NOTES[name], attribute(element, "id") or ""))
        elif name == "txbxContent":
            runs.boxes.append(element)
        elif name == "docPr" and (description := attribute(element, "descr")):
            runs.parts.append(f" {description} ")
    return runs


def _visible(paragraph: Element) -> Iterator[Element]:
    """The elements within a paragraph that show, without those of its text boxes."""
    stack = list(reversed(paragraph))
    while stack:
        element = stack.pop()
        name = local(element)
        if name in _UNSEEN or (name == "r" and _is_hidden(element)):
            continue
        if name == "fldSimple" and _PAGE_FIELD.match(attribute(element, "instr") or ""):
            continue
        yield element
        if name != "txbxContent":
            stack.extend(reversed(element))


def _is_hidden(run: Element) -> bool:
    vanish = child(run, "rPr", "vanish")
    return vanish is not None and attribute(vanish, "val") not in {"0", "false"}
