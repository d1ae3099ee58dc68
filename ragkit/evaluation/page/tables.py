"""Tables of records: wide ones scroll by themselves, and on a phone each record is a block of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ragkit.evaluation.page.html import Child, Markup, tag

SERIES = 8
"""Pipelines have as many colours; those after them begin again."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Args:
        label: its head; on a phone it stands beside each cell.
        style: `num` for figures, `plot` and `wide` for drawings, else empty.
        mark: what stands before the label in the head.

    >>> Column("p Holm", style="num").label
    'p Holm'
    """

    label: str
    style: str = field(default="", kw_only=True)
    mark: Child = field(default=None, kw_only=True)

    def head(self) -> Markup:
        """The cell of the head."""
        label = tag("bdi", self.mark, self.label)
        return tag("th", label, scope="col", role="columnheader", class_=self.style or None)


@dataclass(frozen=True, slots=True)
class Header:
    """The head of a row, or of several rows that belong together.

    >>> Header("nDCG@10", rows=2).rows
    2
    """

    content: Child | Sequence[Child]
    rows: int = field(default=1, kw_only=True)

    def cell(self) -> Markup:
        """The element."""
        is_group = self.rows > 1
        scope, span = ("rowgroup", self.rows) if is_group else ("row", None)
        return tag("th", self.content, scope=scope, role="rowheader", rowspan=span)


Cell = Header | Child | Sequence[Child]


def records(
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    *,
    caption: str,
    notes: Sequence[Child] = (),
) -> Markup:
    """A table in a region of its own that scrolls sideways, and can be scrolled by keys.

    Args:
        columns: their heads.
        rows: a cell for each column, from the left; one fewer below a `Header` that reaches down.
        caption: what the table shows.
        notes: how it is to be read, printed below.
    """
    head = tag("thead", tag("tr", [column.head() for column in columns], role="row"), role="rowgroup")
    body = tag("tbody", [_row(columns, cells) for cells in rows], role="rowgroup")
    table = tag("table", tag("caption", caption), head, body, role="table", class_="records")
    return tag(
        "div",
        tag("div", table, class_="scroll", role="region", tabindex=0, aria_label=caption),
        [tag("p", note, class_="note") for note in notes],
        class_="table",
    )


def series(place: int, *, style: str = "") -> Markup:
    """The dot in the colour of the pipeline at this place."""
    return tag("span", class_=f"dot s{place % SERIES} {style}".rstrip(), aria_hidden="true")


def key(entries: Iterable[tuple[str, Child]]) -> Markup:
    """What the colours of a bar mean: style and words."""
    items = [
        tag("li", tag("span", class_=f"dot {style}", aria_hidden="true"), words) for style, words in entries
    ]
    return tag("ul", items, class_="key")


def _row(columns: Sequence[Column], cells: Sequence[Cell]) -> Markup:
    under = columns[len(columns) - len(cells) :]
    return tag("tr", [_cell(*pair) for pair in zip(under, cells, strict=True)], role="row")


def _cell(column: Column, cell: Cell) -> Markup:
    if isinstance(cell, Header):
        return cell.cell()
    return tag("td", cell, class_=column.style or None, role="cell", data_of=column.label or None)
