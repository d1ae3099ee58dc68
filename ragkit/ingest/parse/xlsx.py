"""Excel (.xlsx and its kin) → canonical text: a section per sheet, a line per row with its column names."""

from __future__ import annotations

import datetime
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import openpyxl

from ragkit.errors import DocumentError
from ragkit.ingest.parse.archive import Archive
from ragkit.ingest.parse.canonical import CanonicalText, Parsed
from ragkit.ingest.parse.grid import Grid, append_grid, grid_of
from ragkit.ingest.parse.office import core_metadata
from ragkit.ingest.parse.xlsx_beside import beside_cells, sheet_parts
from ragkit.ingest.parse.xml_tree import refuse_entities

# Empty cells count: a cell in the last column of a row makes 16,384 of them.
MAX_CELLS = 10_000_000
# As programs write them that do not calculate: `<c r="A1"><f>B1+C1</f><v></v></c>`.
_UNSAVED = re.compile(rb"<f(?:\s[^<>]*)?>[^<]+</f>\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")


def parse_xlsx(data: bytes) -> Parsed:
    """Canonical text of a workbook; title, author and date of its properties become metadata.

    Formulas give the values they had when the file was saved; those without one are noted. Blank rows part
    tables; one that begins without column names goes on with those of the table above it. Comments and text
    boxes stand below the sheet's tables.

    Raises:
        DocumentError: not a complete ZIP archive, beyond its limits or the limit on cells, encrypted, or with
            entities in its XML.
    """
    archive = Archive(data)
    unsaved = _check_parts(archive)
    parts = sheet_parts(archive)
    out = CanonicalText()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of what it leaves out: styles, validation
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        try:
            room = MAX_CELLS
            for sheet in book.worksheets:
                # The size a sheet declares may be wrong by any amount; its rows are what counts.
                sheet.reset_dimensions()
                rows: list[list[str]] = []
                for row in sheet.iter_rows():
                    # openpyxl makes a row of none for each number left out; a file may leave out a billion.
                    room -= max(1, len(row))
                    if room < 0:
                        raise _too_many()
                    if row or (rows and rows[-1]):
                        rows.append([_text(cell) for cell in row])
                _append_sheet(out, sheet.title, rows, beside=beside_cells(archive, parts.get(sheet.title)))
        finally:
            book.close()
    metadata = core_metadata(archive)
    if unsaved:
        note = f"{unsaved:,} formulas have no saved value: open it in a spreadsheet program and save it again"
        metadata["notes"] = (note,)
    return out.build(metadata)


def _check_parts(archive: Archive) -> int:
    """Refuses entities in any part; counts the formulas without a saved value."""
    unsaved = 0
    for name in archive.names():
        # What openpyxl does about entities depends on which XML libraries are installed beside it.
        if name.endswith((".xml", ".rels")):
            part = archive.read(name)
            refuse_entities(part)
            unsaved += len(_UNSAVED.findall(part))
    return unsaved


def _append_sheet(out: CanonicalText, title: str, rows: Sequence[list[str]], beside: Sequence[str]) -> None:
    tables = list(_tables(rows))
    if tables or beside:
        out.heading(title, level=1)
    header: tuple[str, ...] = ()
    for table in tables:
        grid = grid_of(table)
        if grid.header:
            header = grid.header
        elif max(map(len, grid.rows), default=0) > 1:
            grid = Grid(grid.titles, header=header, rows=grid.rows)
        append_grid(out, grid)
    for text in beside:
        out.block(text)


def _tables(rows: Sequence[list[str]]) -> Iterator[list[list[str]]]:
    """The runs of rows between blank ones, without the columns that are blank on their left."""
    for is_filled, group in groupby(rows, key=any):
        if is_filled:
            yield list(group)


def _text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime.datetime):
        is_day = value.time() == datetime.time()
        return value.date().isoformat() if is_day else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, int | float):
        return _number(value, cell.number_format or "")
    return str(value)


def _number(value: float, shown_as: str) -> str:
    """A number without the digits that binary fractions add; a share as the percentage that it shows."""
    if "%" in shown_as:
        return f"{value * 100:.10g}%"
    return str(value) if isinstance(value, int) else f"{value:.15g}"


def _too_many() -> DocumentError:
    reason = f"its sheets have more than {MAX_CELLS:,} cells. Split it, or export what matters as CSV"
    return DocumentError(reason, stage="parse")
