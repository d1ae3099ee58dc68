from __future__ import annotations

import io
import zipfile

import pytest

from ragkit.errors import DocumentError
from ragkit.ingest.parse.epub import parse_epub
from ragkit.ingest.parse.formats import parse_bytes

PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">
<metadata><dc:title>Две главы</dc:title><dc:creator>А. Автор</dc:creator><dc:language>ru</dc:language>
<dc:date>2024-05-01</dc:date></metadata>
<manifest>
<item id="toc" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
<item id="b" href="text/two%20b.xhtml" media-type="application/xhtml+xml"/>
<item id="a" href="text/one.xhtml" media-type="application/xhtml+xml"/>
<item id="img" href="x.png" media-type="image/png"/>
</manifest>
<spine><itemref idref="a"/><itemref idref="b"/><itemref idref="img"/><itemref idref="nowhere"/></spine>
</package>"""
NAV = """<html xmlns="http://www.w3.org/1999/xhtml"><body><nav><ol>
<li><a href="text/one.xhtml">Первая</a></li><li><a href="text/two%20b.xhtml#p1">Вторая</a></li>
</ol></nav></body></html>"""


def book(**changed: str | None) -> bytes:
    files: dict[str, str | None] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container><rootfile full-path="OEBPS/book.opf"/></container>',
        "OEBPS/book.opf": PACKAGE,
        "OEBPS/nav.xhtml": NAV,
        "OEBPS/text/one.xhtml": "<html><body><h1>Глава 1</h1><p>Жили-были.</p></body></html>",
        "OEBPS/text/two b.xhtml": "<html><body><p>Конец&#160;пришёл.</p></body></html>",
    }
    files.update({name.replace("__", "/").replace("_dot_", "."): text for name, text in changed.items()})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            if text is not None:
                archive.writestr(name, text)
    return buffer.getvalue()


def test_chapters_follow_the_spine_and_are_sections() -> None:
    parsed = parse_epub(book())
    assert parsed.text == "Глава 1\n\nЖили-были.\n\nКонец\xa0пришёл."
    assert [(s.title, s.span.of(parsed.text)[:7]) for s in parsed.sections] == [
        ("Глава 1", "Глава 1"),
        ("Вторая", "Конец\xa0п"),
    ]
    assert dict(parsed.metadata) == {
        "title": "Две главы",
        "author": "А. Автор",
        "date": "2024-05-01",
        "lang": "ru",
    }


def test_it_is_recognised_by_its_bytes_and_parsed_in_the_worker() -> None:
    document = parse_bytes(book(), id="a", extension=".zip")
    assert (document.metadata["format"], document.metadata["title"]) == ("epub", "Две главы")


def test_a_missing_chapter_is_noted_and_the_others_are_read() -> None:
    parsed = parse_epub(book(OEBPS__text__one_dot_xhtml=None))
    assert parsed.text == "Конец\xa0пришёл."
    assert parsed.metadata["notes"] == ("the chapter OEBPS/text/one.xhtml is missing",)


def test_a_damaged_table_of_contents_costs_the_names_alone() -> None:
    assert "Жили-были." in parse_epub(book(OEBPS__nav_dot_xhtml="<a")).text


def test_a_book_without_a_package_file_is_quarantined() -> None:
    with pytest.raises(DocumentError, match=r"META-INF/container\.xml names no package file"):
        parse_epub(book(**{"META-INF__container_dot_xml": "<container/>"}))
