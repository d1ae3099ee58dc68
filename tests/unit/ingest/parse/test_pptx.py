from __future__ import annotations

import io
from typing import Any

import pytest
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.util import Inches

from ragkit.ingest.parse.formats import parse_bytes
from ragkit.ingest.parse.pptx import parse_pptx

BOX = (Inches(1), Inches(1), Inches(4), Inches(2))


def saved(show: Any) -> bytes:
    buffer = io.BytesIO()
    show.save(buffer)
    return buffer.getvalue()


def slide(show: Any, title: str, *lines: tuple[str, int]) -> Any:
    new = show.slides.add_slide(show.slide_layouts[1])
    new.shapes.title.text = title
    frame = new.placeholders[1].text_frame
    for i, (text, level) in enumerate(lines):
        paragraph = frame.paragraphs[0] if i == 0 else frame.add_paragraph()
        paragraph.text, paragraph.level = text, level
    return new


def test_slides_are_pages_and_their_titles_sections() -> None:
    show = Presentation()
    show.core_properties.title = "Планы"
    slide(show, "Цели", ("Рост", 0), ("Север", 1))
    second = slide(show, "Итоги", ("Выросли.", 0))
    second.notes_slide.notes_text_frame.text = "Сказать спасибо."
    document = parse_bytes(saved(show), id="a", extension=".pptx")
    assert document.text == "Цели\n\nРост\n- Север\n\nИтоги\n\nВыросли.\n\nNotes: Сказать спасибо."
    assert [page.of(document.text)[:4] for page in document.pages] == ["Цели", "Итог"]
    assert [s.title for s in document.sections] == ["Цели", "Итоги"]
    assert (document.metadata["title"], document.metadata["format"]) == ("Планы", "pptx")


def test_tables_groups_and_text_boxes_are_read() -> None:
    show = Presentation()
    new = slide(show, "T")
    table = new.shapes.add_table(2, 2, *BOX).table
    for (row, column), text in {(0, 0): "Item", (0, 1): "Price", (1, 0): "Bolt", (1, 1): "4"}.items():
        table.cell(row, column).text = text
    group = new.shapes.add_group_shape()
    group.shapes.add_textbox(*BOX).text_frame.text = "In a group."
    assert parse_pptx(saved(show)).text == "T\n\nItem | Price\nItem: Bolt | Price: 4\n\nIn a group."


def test_a_chart_is_the_table_it_was_drawn_from() -> None:
    show = Presentation()
    data: Any = CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = ["North", "South"]
    data.add_series("Sales", (1.5, 2))
    data.add_series("Cost", (1, 3))
    slide(show, "C").shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *BOX, data)
    assert parse_pptx(saved(show)).text == (
        "C\n\nSales | Cost\nNorth | Sales: 1.5 | Cost: 1\nSouth | Sales: 2 | Cost: 3"
    )


def test_slides_stand_in_the_order_of_the_show_not_of_their_files() -> None:
    show = Presentation()
    for title in ("one", "two", "three"):
        slide(show, title)
    order = show.slides._sldIdLst
    order.insert(0, order[2])
    assert parse_pptx(saved(show)).text == "three\n\none\n\ntwo"


def test_a_slide_without_text_is_an_empty_page() -> None:
    show = Presentation()
    slide(show, "one")
    show.slides.add_slide(show.slide_layouts[6])
    slide(show, "three")
    parsed = parse_pptx(saved(show))
    assert [page.of(parsed.text) for page in parsed.pages] == ["one", "", "three"]


@pytest.mark.parametrize(
    "comments",
    [
        '<p:cmLst xmlns:p="urn:p"><p:cm authorId="0"><p:text>Too long?</p:text></p:cm></p:cmLst>',
        '<c:cmLst xmlns:c="urn:c" xmlns:a="urn:a"><c:cm><c:txBody><a:p><a:r><a:t>Too long?</a:t></a:r></a:p>'
        "</c:txBody></c:cm></c:cmLst>",
    ],
)
def test_comments_stand_at_the_end_of_their_slide(comments: str) -> None:
    show = Presentation()
    page = slide(show, "Goals", ("Growth", 0))
    part = Part(
        PackURI("/ppt/comments/comment1.xml"), "application/xml", page.part.package, comments.encode()
    )
    page.part.relate_to(part, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/comments")
    assert parse_pptx(saved(show)).text == "Goals\n\nGrowth\n\nComment: Too long?"
