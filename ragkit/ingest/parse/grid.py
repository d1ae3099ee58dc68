"""Finds in a grid of cells (a CSV file, a sheet) the lines above the table, its column names and its rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ragkit.ingest.parse.canonical import CanonicalText
from ragkit.ingest.parse.tables import SEPARATOR, append_table

_NUMBER = re.compile(r"[-+(]?[$€£₽¥]?\s?\d[\d\s.,:/%-]*[)%$€£₽¥]?")
_MAX_NAME = 100
# Title lines that may stand above the column names of a sheet.
_MAX_TITLES = 10


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as `append_table` takes it, and the lines above it."""

    titles: tuple[str, ...]
    header: tuple[str, ...] = field(kw_only=True)
    rows: tuple[tuple[str, ...], ...] = field(kw_only=True)


def grid_of(rows: Sequence[Sequence[str]]) -> Grid:
    """The grid in rows of cells. The first full row names the columns if it looks like names, not values.

    >>> grid_of([("Prices",), ("Item", "Price"), ("Bolt", "0.40")]).header
    ('Item', 'Price')
    """
    filled = [tuple(row) for row in rows if any(cell.strip() for cell in row)]
    first = _first_full(filled)
    titles = tuple(SEPARATOR.join(c.strip() for c in row if c.strip()) for row in filled[:first])
    below = filled[first:]
    if below and _is_names(below[0], below[1:3]):
        return Grid(titles, header=below[0], rows=tuple(below[1:]))
    return Grid(titles, header=(), rows=tuple(below))


def append_grid(out: CanonicalText, grid: Grid) -> None:
    """Appends the lines above the table, then the table."""
    for title in grid.titles:
        out.block(title)
    append_table(out, grid.header, grid.rows)


def _first_full(rows: Sequence[Sequence[str]]) -> int:
    """The index of the row that the table begins with: the first that is more than half as full as the
    fullest near the top; 0 where all have one cell."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows[: 2 * _MAX_TITLES]]
    fullest = max(filled, default=0)
    return next((i for i, n in enumerate(filled[: _MAX_TITLES + 1]) if n > 1 and 2 * n > fullest), 0)


def _is_names(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    names = [cell.strip() for cell in row if cell.strip()]
    # A column may lack a name (the one with the row names often does), and a few may share one.
    if len(names) < 2 or len(set(names)) < 0.7 * len(names) or not below:
        return False
    if any(len(name) > _MAX_NAME for name in names):
        return False
    numeric = sum(_is_number(name) for name in names)
    # Years stand in headers: `Region | 2022 | 2023`.
    return numeric == 0 or (numeric < len(names) and all(_is_year(n) for n in names if _is_number(n)))


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def _is_year(text: str) -> bool:
    return re.fullmatch(r"(?:19|20)\d\d", text) is not None
