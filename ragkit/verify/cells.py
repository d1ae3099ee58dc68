"""Rows of tables as evidence, of which a claim on one thing has no more than the cells about it.

Rows come as passages have them, a line of `label: value` parted by bars.
"""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.verify.words import content

_FEWEST_CELLS = 2


def narrowed(said: str, lines: Sequence[str]) -> list[str]:
    """The lines with what is in their rows about others left out.

    Of a row, the first cell and those whose labels the claim names are kept, or all where it names none. Of
    several rows, those whose first cell the claim names are kept, or all.

    >>> narrowed("Beacon keeps it 400 days.", ["Limit: Kept for | Ember: 90 days | Beacon: 400 days"])
    ['Limit: Kept for | Beacon: 400 days']
    """
    stems = content(said)
    rows = {line: cells for line in lines if (cells := _cells(line))}
    named = {line for line, cells in rows.items() if _names(stems, cells[0][1])}
    kept: list[str] = []
    for line in lines:
        if line not in rows:
            kept.append(line)
        elif not named or line in named:
            kept.append(_row(stems, rows[line]))
    return kept


def is_row(line: str) -> bool:
    """Whether a line is a row of a table."""
    return bool(_cells(line))


def _cells(line: str) -> list[tuple[str, str]]:
    cells = [cell.strip().partition(": ") for cell in line.split(" | ")]
    if len(cells) < _FEWEST_CELLS or not all(colon for _, colon, _ in cells):
        return []
    return [(label, value) for label, _, value in cells]


def _names(stems: frozenset[str], label: str) -> bool:
    own = content(label)
    return bool(own) and own <= stems


def _row(stems: frozenset[str], cells: Sequence[tuple[str, str]]) -> str:
    first, *rest = cells
    named = [cell for cell in rest if _names(stems, cell[0])]
    return " | ".join(f"{label}: {value}" for label, value in [first, *(named or rest)])
