"""CSV and TSV → one line per row that repeats the column names."""

from __future__ import annotations

import csv
import re
from collections import Counter

from ragkit.errors import DocumentError
from ragkit.ingest.parse.canonical import CanonicalText, Parsed
from ragkit.ingest.parse.grid import append_grid, grid_of
from ragkit.types import MetadataValue

# In the order that decides between two that fit equally well.
_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 100
_SAMPLE_CHARS = 200_000
_SEP_LINE = re.compile(r"sep=(?P<mark>[,;\t|])\n")


def parse_table(text: str) -> Parsed:
    """Canonical text of a table file. The delimiter is found, ragged rows are kept and noted.

    Raises:
        DocumentError: a cell over the limit of the csv module (131,072 characters): a quote that is never
            closed.

    >>> parse_table("item;price\\nBolt;0,40\\n").text
    'item | price\\nitem: Bolt | price: 0,40'
    """
    declared = _SEP_LINE.match(text)  # Excel writes and reads it
    if declared:
        text = text[declared.end() :]
    delimiter = declared["mark"] if declared else _delimiter(text)
    rows = _rows(text, delimiter)
    grid = grid_of(rows)
    out = CanonicalText()
    append_grid(out, grid)
    return out.build(_notes(rows, len(grid.titles)))


def _rows(text: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    try:
        return [row for row in reader if row]
    except csv.Error as e:
        reason = f"line {reader.line_num}: {e}. Check for a quote that is never closed near that line"
        raise DocumentError(reason, stage="parse") from e


def _delimiter(text: str) -> str:
    """The mark that gives most rows the same number of cells, more than one."""
    sample = text[:_SAMPLE_CHARS].splitlines(keepends=True)[:_SAMPLE_LINES]
    best, best_share = ",", 0.0
    for mark in _DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(sample, delimiter=mark) if row)
        except csv.Error:
            continue
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
        share = count / widths.total() if width > 1 else 0.0
        if share > best_share + 0.1:
            best, best_share = mark, share
    return best


def _notes(rows: list[list[str]], n_titles: int) -> dict[str, MetadataValue]:
    """A note on rows that do not have as many cells as most have."""
    body = rows[n_titles:]
    if not body:
        return {}
    width, _ = Counter(map(len, body)).most_common(1)[0]
    ragged = sum(len(row) != width for row in body)
    if not ragged:
        return {}
    return {"notes": (f"{ragged:,} of {len(body):,} rows do not have {width} cells as most have",)}
