"""A table as lines of text: first its column names, then one line per row that repeats them.

`Model: Wick 7 | Warranty: 36 months` can be retrieved, quoted and understood alone; a bare
`Wick 7 | 36 months` at the end of a long table cannot.
"""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.ingest.parse.canonical import CanonicalText

SEPARATOR = " | "


def append_table(out: CanonicalText, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Appends a table; each line is a block. Cells are put on one line, empty ones left out."""
    names = [_one_line(cell) for cell in header]
    tight = False
    if any(names):
        out.block(SEPARATOR.join(name for name in names if name))
        tight = True
    for row in rows:
        line = SEPARATOR.join(_labelled(names, [_one_line(cell) for cell in row]))
        if line:
            out.block(line, tight=tight)
            tight = True


def _labelled(names: Sequence[str], cells: Sequence[str]) -> list[str]:
    labelled = []
    for i, cell in enumerate(cells):
        name = names[i] if i < len(names) else ""
        if cell:
            labelled.append(f"{name.rstrip(':')}: {cell}" if name else cell)
    return labelled


def _one_line(cell: str) -> str:
    return " ".join(cell.split())
