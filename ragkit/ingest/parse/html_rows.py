"""Reads parts of an HTML tree as text: what is visible of an element, and the rows of a table."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborNode

_UNSEEN = frozenset(
    (  # noqa: SIM905
        "script style template noscript svg canvas iframe object embed audio video head select datalist "
        "button textarea input"
    ).split()
)
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])", re.I)
_SPACED = frozenset("p div li td th tr br dt dd ul ol table h1 h2 h3 h4 h5 h6 pre blockquote".split())  # noqa: SIM905
# A table that holds these, or a cell of this many characters, lays out a page; it is no table of values.
_LAYOUT = "h1, h2, h3, h4, ul, ol, pre, section, article"
_LONG_CELL = 500


def is_hidden(node: LexborNode) -> bool:
    """Whether a reader of the page does not see this element."""
    tag = node.tag or ""
    if tag in _UNSEEN or tag == "-comment":
        return True
    if tag.startswith("-"):
        return False
    attributes = node.attributes
    if not attributes:
        return False
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    style = attributes.get("style")
    return bool(style and _HIDING.search(style))


def visible_text(node: LexborNode, without: frozenset[str], *, without_anchors: bool = False) -> str:
    """The visible text of `node` on one line, leaving out the tags in `without`.

    `without_anchors` leaves out links without a letter or digit: the `#` and `¶` that sites put in headings.
    """
    parts: list[str] = []
    stack = [node]
    while stack:
        current = stack.pop()
        tag = current.tag or ""
        if tag == "-text":
            parts.append(current.text_content or "")
            continue
        if is_hidden(current) or tag in without:
            continue
        if without_anchors and tag == "a" and not any(c.isalnum() for c in current.text()):
            continue
        if tag == "img":
            parts.append(current.attributes.get("alt") or "")
        if tag in _SPACED:
            parts.append(" ")
        stack.extend(reversed(list(current.iter(include_text=True))))
    return " ".join("".join(parts).split())


def layout_tables(root: LexborNode) -> frozenset[int]:
    """The tables within `root` that lay out text rather than hold values, by `mem_id`."""
    return frozenset(table.mem_id for table in root.css("table") if _is_layout(table))


def _is_layout(table: LexborNode) -> bool:
    # The selection of a node begins with the node itself.
    if len(table.css("table")) > 1 or table.css_first(_LAYOUT) is not None:
        return True
    widths = []
    for row in table.css("tr"):
        cells = list(_cells(row))
        if any(len(cell.text()) > _LONG_CELL for cell in cells):
            return True
        widths.append(len(cells))
    return max(widths, default=0) <= 1


def table_rows(table: LexborNode) -> tuple[list[str], list[list[str]]]:
    """The column names and the rows of a table of values; a caption is its first row."""
    header: list[str] = []
    rows: list[list[str]] = []
    caption = table.css_first("caption")
    for row in table.css("tr"):
        if is_hidden(row):
            continue
        cells = list(_cells(row))
        texts = [visible_text(cell, frozenset()) for cell in cells]
        is_head = bool(cells) and (
            all(c.tag == "th" for c in cells) or (row.parent is not None and row.parent.tag == "thead")
        )
        spans = any((c.attributes.get("colspan") or "1") != "1" for c in cells)
        if is_head and not header and not rows and not spans and len(cells) > 1:
            header = texts
        else:
            rows.append(_spread(cells, texts) if header and spans else texts)
    if caption is not None and (title := visible_text(caption, frozenset())):
        rows.insert(0, [""] * len(header) + [title])
    return header, rows


def _spread(cells: list[LexborNode], texts: list[str]) -> list[str]:
    """Cells at the columns they stand in: one that spans three columns is followed by two empty ones."""
    spread: list[str] = []
    for cell, text in zip(cells, texts, strict=True):
        span = cell.attributes.get("colspan") or "1"
        width = min(int(span), 100) if span.isdecimal() else 1
        spread.extend([text] + [""] * (width - 1))
    return spread


def _cells(row: LexborNode) -> Iterator[LexborNode]:
    return (child for child in row.iter() if child.tag in {"td", "th"} and not is_hidden(child))
