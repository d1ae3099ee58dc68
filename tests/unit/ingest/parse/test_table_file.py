from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.errors import DocumentError
from ragkit.ingest.parse.formats import parse_bytes
from ragkit.ingest.parse.grid import grid_of
from ragkit.ingest.parse.table_file import parse_table


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_each_row_repeats_the_column_names_whatever_the_delimiter(mark: str) -> None:
    text = "Товар,Цена,Склад\nБолт М6,12,Тула\nГайка,3,\n".replace(",", mark)
    assert parse_table(text).text == (
        "Товар | Цена | Склад\nТовар: Болт М6 | Цена: 12 | Склад: Тула\nТовар: Гайка | Цена: 3"
    )


def test_decimal_commas_and_quoted_delimiters_do_not_part_cells() -> None:
    assert parse_table('Item;Price\n"Nut; small";0,40\nBolt;1,20').text == (
        "Item | Price\nItem: Nut; small | Price: 0,40\nItem: Bolt | Price: 1,20"
    )


def test_ragged_rows_are_kept_and_noted() -> None:
    parsed = parse_table("a,b\n1,2\n3\n4,5,6\n7,8\n")
    assert parsed.text == "a | b\na: 1 | b: 2\na: 3\na: 4 | b: 5 | 6\na: 7 | b: 8"
    assert parsed.metadata["notes"] == ("2 of 5 rows do not have 2 cells as most have",)


def test_rows_of_values_alone_get_no_names() -> None:
    assert parse_table("1,2\n3,4\n").text == "1 | 2\n3 | 4"


def test_a_title_above_the_columns_stays_and_years_may_name_columns() -> None:
    assert parse_table("Sales,,\nRegion,2022,2023\nNorth,1,2\n").text == (
        "Sales\n\nRegion | 2022 | 2023\nRegion: North | 2022: 1 | 2023: 2"
    )


def test_the_line_with_which_excel_names_the_delimiter_is_obeyed() -> None:
    assert parse_table("sep=;\na;b\nx,y;z\n").text == "a | b\na: x,y | b: z"


def test_a_quote_that_is_never_closed_is_named_by_its_line() -> None:
    with pytest.raises(DocumentError, match=r"line \d+: field larger than .* a quote that is never closed"):
        parse_table('a,b\n"x,' + "y,z\n" * 50_000)


def test_each_row_is_a_block() -> None:
    parsed = parse_table("a,b\n1,2\n3,4\n")
    assert [block.of(parsed.text) for block in parsed.blocks] == ["a | b", "a: 1 | b: 2", "a: 3 | b: 4"]


words = st.text("абвxyz", min_size=1, max_size=6)


@given(st.lists(st.lists(words, min_size=3, max_size=3), min_size=1, max_size=8))
def test_no_cell_is_lost(rows: list[list[str]]) -> None:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    text = parse_table(file.getvalue()).text
    assert all(cell in text for row in rows for cell in row)


def test_a_russian_table_in_windows_1251_is_read() -> None:
    data = "Название;Описание\nБолт;Оцинкованный стальной болт с шестигранной головкой\n".encode("cp1251")
    document = parse_bytes(data, id="a", extension=".csv")
    assert document.text.endswith("Описание: Оцинкованный стальной болт с шестигранной головкой")
    assert document.metadata["notes"] == ("read as cp1251",)


def test_a_first_row_with_a_long_cell_names_no_columns() -> None:
    grid = grid_of([("x" * 200, "b"), ("c", "d")])
    assert (grid.header, len(grid.rows)) == ((), 2)
