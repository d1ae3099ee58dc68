"""A file of each format cut off or changed anywhere gives a document or a `DocumentError`, and soon."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from email.message import EmailMessage

import docx
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pptx import Presentation

from ragkit.errors import DocumentError
from ragkit.ingest.parse.formats import parse_bytes
from ragkit.ingest.parse.sandbox.process import Sandbox
from tests.unit.ingest.parse.pdf_files import column, pdf


def word() -> bytes:
    new = docx.Document()
    new.add_heading("Head", 1)
    new.add_paragraph("Text")
    new.add_table(2, 2).cell(0, 0).text = "cell"
    out = io.BytesIO()
    new.save(out)
    return out.getvalue()


def slides() -> bytes:
    new = Presentation()
    shown = new.slides.add_slide(new.slide_layouts[1])
    assert shown.shapes.title is not None
    shown.shapes.title.text = "Head"
    out = io.BytesIO()
    new.save(out)
    return out.getvalue()


def workbook() -> bytes:
    new = openpyxl.Workbook()
    assert new.active is not None
    new.active.append(["Item", "Price"])
    out = io.BytesIO()
    new.save(out)
    return out.getvalue()


def book() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", '<c><rootfile full-path="a.opf"/></c>')
        package = (
            '<p><manifest><item id="a" href="a.xhtml"/></manifest><spine><itemref idref="a"/></spine></p>'
        )
        archive.writestr("a.opf", package)
        archive.writestr("a.xhtml", "<html><body><h1>Head</h1><p>Text</p></body></html>")
    return out.getvalue()


def mail() -> bytes:
    new = EmailMessage()
    new["Subject"] = "Отчёт"
    new.set_content("Текст")
    new.add_alternative("<p>Текст</p>", subtype="html")
    new.add_attachment(b"x" * 100, maintype="image", subtype="png", filename="a.png")
    return new.as_bytes()


FILES = {
    ".pdf": pdf(column("One", "two"), column("Three"), bookmarks=[("One", 0)]),
    ".docx": word(),
    ".pptx": slides(),
    ".xlsx": workbook(),
    ".epub": book(),
    ".eml": mail(),
    ".json": '{"a": [1, {"b": "Текст"}], "c": null}'.encode(),
    ".jsonl": b'{"a": 1}\n{"b": [2, 3]}\n',
    ".csv": 'a;b\n1;"x\ny"\n2;Привет\n'.encode(),
    ".html": "<main><h1>Head</h1><table><tr><th>a<th>b</tr><tr><td>1<td>2</table><p>Текст</main>".encode(),
    ".md": "---\na: 1\n---\n# Head\n\n- a\n  - b\n\n| a | b |\n|-|-|\n| 1 | 2 |\n\n```\nТекст\n".encode(),
    ".rst": "Head\n====\n\n.. note:: Text\n\n=  =\na  b\n=  =\n1  2\n=  =\n\n|x| `y`_\n\nТекст\n".encode(),
    ".txt": "Заголовок\n=====\n\nТекст".encode(),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize("extension", FILES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(sandbox: Sandbox, extension: str, data: st.DataObject) -> None:
    whole = FILES[extension]
    assert parse_bytes(whole, id="a", extension=extension, sandbox=sandbox).text
    end = data.draw(st.integers(0, len(whole)), label="cut at")
    damaged = bytearray(whole[:end])
    for place in data.draw(st.lists(st.integers(0, max(0, end - 1)), max_size=3), label="changed"):
        damaged[place : place + 1] = bytes([data.draw(st.integers(0, 255))])
    started = time.monotonic()
    try:
        document = parse_bytes(bytes(damaged), id="a", extension=extension, sandbox=sandbox)
        document.text.encode()
    except DocumentError as e:
        reason = e.reason
    else:
        reason = "none: it was read"
    assert len(reason) > 15
    assert time.monotonic() - started < 30
