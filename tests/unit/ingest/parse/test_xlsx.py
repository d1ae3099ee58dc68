from __future__ import annotations

import datetime
import io
import zipfile
from typing import Any

import openpyxl
import pytest
from openpyxl.comments import Comment

from ragkit.errors import DocumentError
from ragkit.ingest.parse import xlsx
from ragkit.ingest.parse.formats import parse_bytes
from ragkit.ingest.parse.xlsx import parse_xlsx


def book(**sheets: list[list[Any]]) -> bytes:
    new = openpyxl.Workbook()
    new.remove(new.active)
    for title, rows in sheets.items():
        sheet = new.create_sheet(title)
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    new.save(buffer)
    return buffer.getvalue()


def test_sheets_are_sections_and_rows_repeat_the_column_names() -> None:
    data = book(Склад=[["Товар", "Цена"], ["Болт", 12.5], ["Гайка", 3]], Empty=[], Other=[["x"]])
    document = parse_bytes(data, id="a", extension=".xlsx")
    assert document.text == (
        "Склад\n\nТовар | Цена\nТовар: Болт | Цена: 12.5\nТовар: Гайка | Цена: 3\n\nOther\n\nx"
    )
    assert [s.title for s in document.sections] == ["Склад", "Other"]
    assert document.metadata["format"] == "xlsx"


def test_values_read_as_they_are_shown() -> None:
    new = openpyxl.Workbook()
    sheet = new.active
    assert sheet is not None
    values = [
        0.1 + 0.2,
        True,
        datetime.datetime(2024, 5, 1),
        datetime.datetime(2024, 5, 1, 10, 30),
        datetime.time(8, 15),
        "#REF!",
        1e21,
    ]
    sheet.append(values)
    sheet.append([0.255])
    sheet["A2"].number_format = "0.0%"
    buffer = io.BytesIO()
    new.save(buffer)
    assert parse_xlsx(buffer.getvalue()).text == (
        "Sheet\n\n0.3 | TRUE | 2024-05-01 | 2024-05-01 10:30:00 | 08:15:00 | #REF! | 1e+21\n25.5%"
    )


def test_a_table_after_a_blank_row_keeps_the_column_names() -> None:
    rows: list[list[Any]] = [
        ["City", "Sales"],
        ["Tula", 1],
        [],
        ["Omsk", 2],
        [],
        ["Name", "Age"],
        ["Ann", 30],
    ]
    assert parse_xlsx(book(S=rows)).text == (
        "S\n\nCity | Sales\nCity: Tula | Sales: 1\n\nCity | Sales\nCity: Omsk | Sales: 2\n\n"
        "Name | Age\nName: Ann | Age: 30"
    )


def test_titles_above_the_columns_stay_lines() -> None:
    rows: list[list[Any]] = [
        ["Report"],
        ["In millions", "2023"],
        ["", "Sales", "Profit", "Tax"],
        ["North", 1, 2, 3],
    ]
    assert parse_xlsx(book(S=rows)).text == (
        "S\n\nReport\n\nIn millions | 2023\n\nSales | Profit | Tax\nNorth | Sales: 1 | Profit: 2 | Tax: 3"
    )


def test_the_number_of_cells_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MAX_CELLS", 1_000)
    new = openpyxl.Workbook()
    assert new.active is not None
    new.active["XFD1"] = "far out"
    buffer = io.BytesIO()
    new.save(buffer)
    with pytest.raises(DocumentError, match=r"its sheets have more than 1,000 cells\. Split it"):
        parse_xlsx(buffer.getvalue())


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "_rels/.rels"])
def test_entities_are_refused_in_every_part(part: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book(S=[["x", "y"]]))) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            bomb = b'<!DOCTYPE x [<!ENTITY a "ha">]>' if name == part else b""
            new.writestr(name, bomb + old.read(name))
    with pytest.raises(DocumentError, match="its XML declares entities"):
        parse_bytes(buffer.getvalue(), id="a", extension=".xlsx")


def test_a_workbook_without_cells_is_no_document() -> None:
    with pytest.raises(DocumentError, match="it holds no text") as caught:
        parse_bytes(book(S=[]), id="a", extension=".xlsx")
    assert caught.value.rejected


def test_comments_and_hidden_sheets_are_kept() -> None:
    new = openpyxl.Workbook()
    sheet = new.active
    assert sheet is not None
    sheet.append(["Item", "Price"])
    sheet.append(["Bolt", 0.4])
    sheet["B2"].comment = Comment("Until May\nonly", "Anna")
    new.create_sheet("Secret").append(["Margin 12"])
    new["Secret"].sheet_state = "hidden"
    buffer = io.BytesIO()
    new.save(buffer)
    text = parse_xlsx(buffer.getvalue()).text
    assert text == (
        "Sheet\n\nItem | Price\nItem: Bolt | Price: 0.4\n\nComment on B2: Until May only\n\n"
        "Secret\n\nMargin 12"
    )


def test_formulas_that_were_never_calculated_are_noted() -> None:
    parsed = parse_xlsx(book(S=[["a", "b"], ["=1+1", "=A1&A1"]]))
    assert parsed.metadata["notes"] == (
        "2 formulas have no saved value: open it in a spreadsheet program and save it again",
    )


def test_a_row_number_beyond_all_sheets_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MAX_CELLS", 1_000)
    data = io.BytesIO(book(S=[["a"]]))
    out = io.BytesIO()
    with zipfile.ZipFile(data) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content = content.replace(b'r="1"', b'r="999999999999"').replace(b'"A1"', b'"A999999999999"')
            new.writestr(name, content)
    with pytest.raises(DocumentError, match="its sheets have more than 1,000 cells"):
        parse_xlsx(out.getvalue())
