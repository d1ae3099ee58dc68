"""Which paragraphs of a Word document are headings and list items, and with which number."""

from __future__ import annotations

import re
from collections import defaultdict
from xml.etree.ElementTree import Element

from ragkit.ingest.parse.office import attribute, child
from ragkit.ingest.parse.xml_tree import local

_HEADING = re.compile(r"(?:heading|заголовок)\s*([1-9])", re.I)
_MAX_CHAIN = 20
_MAX_DEPTH = 8


class Styles:
    """The paragraph styles: their outline levels and lists, inherited from the styles they are based on."""

    def __init__(self, root: Element | None) -> None:
        self._styles = {
            attribute(style, "styleId") or "": style
            for style in (root if root is not None else ())
            if local(style) == "style"
        }

    def level(self, paragraph: Element) -> int | None:
        """The heading level of a paragraph from 1, None for body text."""
        for properties, name in self._chain(paragraph):
            outline = attribute(child(properties, "outlineLvl"), "val")
            if outline is not None and outline.isdecimal():
                return int(outline) + 1 if int(outline) < 9 else None
            match = _HEADING.match(name)
            if match or name.casefold() in {"title", "название"}:
                return int(match[1]) if match else 1
        return None

    def numbering(self, paragraph: Element) -> tuple[str, int] | None:
        """The list that a paragraph is an item of, and its depth there from 0."""
        for properties, _ in self._chain(paragraph):
            numbering = child(properties, "numPr")
            list_id = attribute(child(numbering, "numId"), "val")
            if list_id is not None:
                depth = attribute(child(numbering, "ilvl"), "val") or "0"
                # Word has nine levels; a depth is written as blanks, and a billion of them fill any memory.
                level = min(int(depth), _MAX_DEPTH) if depth.isdecimal() else 0
                return None if list_id == "0" else (list_id, level)
        return None

    def _chain(self, paragraph: Element) -> list[tuple[Element | None, str]]:
        """The paragraph's own properties, then those of its style and of what that is based on."""
        own = child(paragraph, "pPr")
        chain: list[tuple[Element | None, str]] = [(own, "")]
        style_id = attribute(child(own, "pStyle"), "val")
        while style_id in self._styles and len(chain) < _MAX_CHAIN:
            style = self._styles[style_id]
            chain.append((child(style, "pPr"), attribute(child(style, "name"), "val") or ""))
            style_id = attribute(child(style, "basedOn"), "val")
        return chain


class Numbering:
    """Counts the items of the lists of a document as Word does."""

    def __init__(self, root: Element | None) -> None:
        parts = list(root) if root is not None else []
        abstract = {attribute(p, "abstractNumId"): p for p in parts if local(p) == "abstractNum"}
        self._lists = {
            attribute(part, "numId") or "": abstract.get(attribute(child(part, "abstractNumId"), "val"))
            for part in parts
            if local(part) == "num"
        }
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)

    def marker(self, list_id: str, depth: int) -> str:
        """The marker of the next item: `- `, or its number: `3. `."""
        level = self._level(list_id, depth)
        kind = attribute(child(level, "numFmt"), "val") or "bullet"
        if kind in {"bullet", "none"}:
            return "- "
        counts = self._counts[list_id]
        start = attribute(child(level, "start"), "val") or "1"
        counts[depth] = counts[depth] + 1 if depth in counts else int(start) if start.isdecimal() else 1
        for deeper in [d for d in counts if d > depth]:
            del counts[deeper]
        return f"{_numeral(counts[depth], kind)}. "

    def _level(self, list_id: str, depth: int) -> Element | None:
        levels = self._lists.get(list_id)
        for level in levels if levels is not None else ():
            if local(level) == "lvl" and attribute(level, "ilvl") == str(depth):
                return level
        return None


def _numeral(number: int, kind: str) -> str:
    if kind in {"lowerLetter", "upperLetter"} and 1 <= number <= 26:
        letter = chr(ord("a") + number - 1)
        return letter if kind == "lowerLetter" else letter.upper()
    return str(number)
