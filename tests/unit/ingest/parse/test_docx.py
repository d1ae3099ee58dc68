from __future__ import annotations

import io
import re
import zipfile

import docx
import pytest
from docx.document import Document as Word
from docx.oxml import parse_xml

from ragkit.errors import DocumentError
from ragkit.ingest.parse.docx import parse_docx
from ragkit.ingest.parse.formats import parse_bytes

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def saved(word: Word) -> bytes:
    buffer = io.BytesIO()
    word.save(buffer)
    return buffer.getvalue()


def with_paragraph(xml: str) -> bytes:
    word = docx.Document()
    word.element.body.insert(0, parse_xml(f"<w:p {W}>{xml}</w:p>"))
    return saved(word)


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def test_headings_are_sections_and_properties_metadata() -> None:
    word = docx.Document()
    word.core_properties.title, word.core_properties.author = "Руководство", "А. Автор"
    word.add_heading("Установка", 1)
    word.add_paragraph("Первый абзац.")
    word.add_heading("Linux", 2)
    word.add_paragraph("Второй абзац.")
    document = parse_bytes(saved(word), id="a", extension=".docx")
    assert document.text == "Установка\n\nПервый абзац.\n\nLinux\n\nВторой абзац."
    assert [(s.title, s.level) for s in document.sections] == [("Установка", 1), ("Linux", 2)]
    assert {"title": "Руководство", "author": "А. Автор", "lang": "ru", "format": "docx"}.items() <= dict(
        document.metadata
    ).items()


def test_lists_keep_their_markers() -> None:
    word = docx.Document()
    for style, text in [
        ("List Bullet", "a"),
        ("List Bullet", "b"),
        ("List Number", "c"),
        ("List Number", "d"),
    ]:
        word.add_paragraph(text, style=style)
    assert parse_docx(saved(word)).text == "- a\n- b\n1. c\n2. d"


def test_table_rows_repeat_the_column_names_and_merged_cells_their_value() -> None:
    word = docx.Document()
    table = word.add_table(rows=3, cols=2)
    for row, texts in zip(table.rows, [("Model", "Price"), ("Wick", "10"), ("", "20")], strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    assert parse_docx(saved(word)).text == ("Model | Price\nModel: Wick | Price: 10\nModel: Wick | Price: 20")


def test_a_table_that_lays_out_a_page_is_read_as_paragraphs() -> None:
    word = docx.Document()
    cell = word.add_table(rows=1, cols=1).cell(0, 0)
    cell.text = "First."
    cell.add_paragraph("Second.")
    assert parse_docx(saved(word)).text == "First.\n\nSecond."


def test_headers_and_footers_stand_once_and_page_numbers_not_at_all() -> None:
    word = docx.Document()
    word.add_paragraph("Body.")
    for section in (word.sections[0], word.add_section()):
        section.header.is_linked_to_previous = False
        section.header.paragraphs[0].text = "Acme Ltd"
    footer = word.sections[0].footer.paragraphs[0]
    footer._p.append(parse_xml(f'<w:r {W}><w:t xml:space="preserve">Page </w:t></w:r>'))
    for part in ('<w:fldChar w:fldCharType="begin"/>', "<w:instrText> PAGE </w:instrText>"):
        footer._p.append(parse_xml(f"<w:r {W}>{part}</w:r>"))
    for part in ("<w:t>7</w:t>", '<w:fldChar w:fldCharType="end"/>'):
        footer._p.append(parse_xml(f"<w:r {W}>{part}</w:r>"))
    assert parse_docx(saved(word)).text == "Acme Ltd\n\nBody.\n\nPage"


def test_tracked_insertions_show_and_deletions_do_not() -> None:
    xml = (
        run("Old ")
        + f'<w:ins w:id="1" w:author="x">{run("new ")}</w:ins>'
        + '<w:del w:id="2" w:author="x"><w:r><w:delText>gone </w:delText></w:r></w:del>'
        + f'<w:moveFrom w:id="3" w:author="x">{run("moved ")}</w:moveFrom>'
        + run("hidden ", "<w:vanish/>")
        + f"<w:hyperlink>{run('link')}</w:hyperlink><w:r><w:tab/><w:noBreakHyphen/></w:r>"
    )
    assert parse_docx(with_paragraph(xml)).text == "Old new link -"


def test_a_footnote_follows_the_paragraph_that_refers_to_it() -> None:
    word = docx.Document()
    word.element.body.insert(0, parse_xml(f"<w:p {W}>{run('After.')}</w:p>"))
    reference = run("Claim.") + '<w:r><w:footnoteReference w:id="2"/></w:r>'
    word.element.body.insert(0, parse_xml(f"<w:p {W}>{reference}</w:p>"))
    notes = (
        f'<w:footnotes {W}><w:footnote w:type="separator" w:id="0"><w:p/></w:footnote>'
        f'<w:footnote w:id="2"><w:p>{run("Evidence.")}<w:r><w:footnoteReference w:id="2"/></w:r></w:p>'
        "</w:footnote></w:footnotes>"
    )
    data = with_part(saved(word), "footnotes", notes)
    assert parse_docx(data).text == "Claim.\n\nEvidence.\n\nAfter."


def with_part(data: bytes, kind: str, content: str) -> bytes:
    """The document with one more part beside its main part."""
    relation = (
        f'<Relationship Id="rIdX" Target="{kind}.xml" '
        f'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}"/>'
    )
    return rewritten(
        data,
        lambda name, text: (
            text.replace("</Relationships>", f"{relation}</Relationships>")
            if name == "word/_rels/document.xml.rels"
            else text
        ),
        {f"word/{kind}.xml": content},
    )


def rewritten(data: bytes, change: object, added: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith((".xml", ".rels")):
                content = change(name, content.decode()).encode()  # type: ignore[operator]
            new.writestr(name, content)
        for name, text in added.items():
            new.writestr(name, text)
    return buffer.getvalue()


def test_a_document_with_macros_is_read_too() -> None:
    word = docx.Document()
    word.add_paragraph("Text.")
    data = rewritten(
        saved(word),
        lambda _name, text: re.sub(
            r"application/vnd\.openxmlformats-officedocument\.wordprocessingml\.document\.main\+xml",
            "application/vnd.ms-word.document.macroEnabled.main+xml",
            text,
        ),
        {},
    )
    assert parse_bytes(data, id="a", extension=".docm").text == "Text."


def test_an_entity_bomb_is_quarantined() -> None:
    word = docx.Document()
    data = rewritten(
        saved(word),
        lambda name, text: (
            text.replace("<w:document", '<!DOCTYPE x [<!ENTITY a "b">]><w:document')
            if name == "word/document.xml"
            else text
        ),
        {},
    )
    with pytest.raises(DocumentError, match="its XML declares entities"):
        parse_bytes(data, id="a", extension=".docx")


def test_nesting_without_end_is_quarantined_and_not_a_crash() -> None:
    deep = "<w:sdt><w:sdtContent>" * 20_000 + f"<w:p>{run('x')}</w:p>" + "</w:sdtContent></w:sdt>" * 20_000
    data = rewritten(
        saved(docx.Document()),
        lambda name, text: (
            re.sub("<w:sectPr", lambda _: deep + "<w:sectPr", text, count=1)
            if name == "word/document.xml"
            else text
        ),
        {},
    )
    with pytest.raises(DocumentError, match=r"nested more than|crashed"):
        parse_bytes(data, id="a", extension=".docx")


def test_an_encrypted_document_needs_a_password() -> None:
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500) + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(DocumentError, match="needs_password") as caught:
        parse_bytes(data, id="a", extension=".docx")
    assert not caught.value.rejected


def test_python_docx_finds_the_same_paragraphs() -> None:
    word = docx.Document()
    texts = [f"Абзац номер {i} со словами." for i in range(50)]
    for text in texts:
        word.add_paragraph(text)
    data = saved(word)
    theirs = [p.text for p in docx.Document(io.BytesIO(data)).paragraphs]
    assert parse_docx(data).text.split("\n\n") == theirs == texts


def test_a_comment_stands_after_its_paragraph_with_its_author() -> None:
    word = docx.Document()
    paragraph = word.add_paragraph("The price is 5.")
    word.add_comment(paragraph.runs, text="Is that with tax?", author="Anna")
    word.add_paragraph("The end.")
    text = parse_docx(saved(word)).text
    assert text == "The price is 5.\n\nComment (Anna): Is that with tax?\n\nThe end."


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ('<w:numPr><w:ilvl w:val="999999999"/><w:numId w:val="77"/></w:numPr>', " " * 16 + "- item"),
        ('<w:outlineLvl w:val="\u00b2"/>', "item"),
    ],
)
def test_a_level_that_is_none_does_no_harm(properties: str, text: str) -> None:
    xml = f"<w:pPr>{properties}</w:pPr>{run('item')}"
    assert parse_docx(with_paragraph(xml)).text.strip() == text.strip()
    assert len(parse_docx(with_paragraph(xml)).text) < 100
