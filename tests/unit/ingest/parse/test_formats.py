from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from ragkit.errors import DocumentError
from ragkit.ingest.load.discover import discover
from ragkit.ingest.parse.formats import FORMATS, parse, parse_bytes

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def test_a_file_becomes_a_document_with_what_it_says_of_itself(tmp_path: Path) -> None:
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "a.md").write_text("---\ntags: [x]\n---\n# Возврат\n\nКак вернуть товар?\n")
    (source,) = discover(tmp_path)
    document = parse(source)
    assert (document.id, document.text) == ("guide/a.md", "Возврат\n\nКак вернуть товар?")
    assert dict(document.metadata) == {"tags": ("x",), "title": "Возврат", "lang": "ru", "format": "markdown"}
    assert [s.title for s in document.sections] == ["Возврат"]


@pytest.mark.parametrize(
    ("extension", "media_type", "format_name"),
    [
        (".MD", None, "markdown"),
        (".htm", None, "html"),
        (".rst", None, "rst"),
        ("", None, "text"),
        (".bin", "text/html; charset=utf-8", "html"),
    ],
)
def test_the_format_follows_the_media_type_or_else_the_extension(
    extension: str, media_type: str | None, format_name: str
) -> None:
    document = parse_bytes(b"some text", id="a", extension=extension, media_type=media_type)
    assert document.metadata["format"] == format_name


@pytest.mark.parametrize(
    ("data", "extension", "message"),
    [
        (b"", ".md", "load: |parse: the file is empty"),
        (b" \n\t ", ".txt", "the file is empty"),
        (b"<script>x</script>", ".html", "it holds no text a reader would see"),
        (
            b"\x1f\x8b...",
            ".txt",
            r"it is a gzip archive named \.txt, which is not a format .* unpack it first",
        ),
        (b"PK\x03\x04 mimetypeapplication/vnd.oasis.opendocument.text", ".odt", "it is an OpenDocument file"),
        (b"a,b", ".cvs", r"unknown format '\.cvs'\. Did you mean '\.csv'\? Known: .*\.md"),
        (b"a,b", ".qqqq", r"unknown format '\.qqqq'\. Known: .*\.md"),
        (b"a", ".mdd", r"unknown format '\.mdd'\. Did you mean '\.md'\?"),
    ],
)
def test_what_is_no_document_is_rejected_with_a_remedy(data: bytes, extension: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message) as caught:
        parse_bytes(data, id="a", extension=extension)
    assert caught.value.rejected


def test_bytes_of_no_known_charset_are_quarantined() -> None:
    with pytest.raises(DocumentError, match="not valid UTF-8 at byte 3") as caught:
        parse_bytes(b"abc\xf8 \xf0\xf1", id="a", extension=".txt")
    assert not caught.value.rejected


def test_a_page_is_read_in_the_charset_it_declares_and_says_so() -> None:
    page = '<meta charset="windows-1252"><p>Der schöne Mann und die Frau kosten 3 €</p>'.encode("cp1252")
    document = parse_bytes(page, id="a", extension=".html")
    assert document.text == "Der schöne Mann und die Frau kosten 3 €"
    assert document.metadata["notes"] == ("read as cp1252",)


def test_nul_bytes_are_removed_with_a_note() -> None:
    document = parse_bytes(b"A line of text\x00 and more of it", id="a", extension=".txt")
    assert document.text == "A line of text and more of it"
    assert document.metadata["notes"] == ("removed 1 NUL or surrogate characters",)


def test_a_format_is_told_by_its_first_bytes_whatever_the_file_is_called() -> None:
    with pytest.raises(DocumentError, match="it is damaged: it cannot be opened as a PDF") as caught:
        parse_bytes(b"%PDF-1.7 ...", id="a", extension=".txt")
    assert not caught.value.rejected


def test_a_missing_extra_is_a_rejection_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    message = r"it is a PDF document, which needs the package pypdfium2.* pip install 'ragkit\[pdf\]'"
    with pytest.raises(DocumentError, match=message) as caught:
        parse_bytes(b"%PDF-1.7 ...", id="a", extension=".pdf")
    assert caught.value.rejected


def test_every_registered_parser_can_be_imported() -> None:
    assert all(callable(row.parser()) for row in FORMATS)


@pytest.mark.parametrize(
    ("data", "extension", "message"),
    [
        (OLE + "WordDocument".encode("utf-16-le"), ".bin", r"old Microsoft Office .* save it as \.docx"),
        (OLE + "Workbook".encode("utf-16-le"), ".xls", r"save it as \.xlsx, .* --convert-to xlsx"),
        (OLE + "PowerPoint Document".encode("utf-16-le"), ".ppt", r"save it as \.pptx"),
        (OLE + "__substg1.0_0037".encode("utf-16-le"), ".msg", r"save it as \.eml from the mail program"),
        (OLE, ".doc", r"save it as \.docx"),
        (b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.text", ".odt", r"save it as \.docx"),
        (b"* Head", ".org", r"\.org is not a format that can be read: convert it to Markdown.*pandoc"),
        (b"<a/>", ".xml", r"\.xml is not a format that can be read: convert"),
    ],
)
def test_a_format_that_is_not_read_is_refused_with_the_step_that_mends_it(
    data: bytes, extension: str, message: str
) -> None:
    with pytest.raises(DocumentError, match=message) as caught:
        parse_bytes(data, id="a", extension=extension)
    assert caught.value.rejected


@pytest.mark.parametrize(
    ("extension", "expected"), [(".pdf", "a PDF"), (".docx", "a ZIP archive"), (".epub", "a ZIP archive")]
)
def test_a_web_page_saved_under_another_name_is_told(extension: str, expected: str) -> None:
    message = rf"is not what its extension says: it should begin as {expected} does, and begins with "
    with pytest.raises(DocumentError, match=rf"{message}“<html>Log in”\."):
        parse_bytes(b"<html>Log in", id="a", extension=extension)
    with pytest.raises(DocumentError, match=rf"{message}the bytes 00 e9 0a\."):
        parse_bytes(b"\x00\xe9\n", id="a", extension=extension)


def test_a_text_of_invisible_characters_is_no_text() -> None:
    with pytest.raises(DocumentError, match="it holds no text a reader would see"):
        parse_bytes("\u200b\u200d \ufeff".encode(), id="a", extension=".txt")


def test_a_page_without_a_charset_is_read_as_browsers_do() -> None:
    page = "<p>Die schöne Frau trinkt für 3 € Kaffee à la carte</p>".encode("cp1252")
    document = parse_bytes(page, id="a", extension=".html")
    assert document.text == "Die schöne Frau trinkt für 3 € Kaffee à la carte"
    assert document.metadata["notes"] == ("read as cp1252",)


@pytest.mark.parametrize(
    "page",
    [
        "<p>การรับประกันมีอายุยี่สิบสี่เดือน</p>".encode("cp874"),
        b'<meta charset="utf-8"><p>caf\xe9</p>',
    ],
)
def test_a_page_in_a_charset_that_is_not_certain_is_refused(page: bytes) -> None:
    with pytest.raises(DocumentError, match="not valid UTF-8 at byte"):
        parse_bytes(page, id="a", extension=".html")


def test_a_japanese_page_that_names_no_charset_is_read_and_says_so() -> None:
    page = "<p>日本語の文章を書いています。東京は日本の首都です</p>".encode("shift-jis")
    document = parse_bytes(page, id="a", extension=".html")
    assert document.text == "日本語の文章を書いています。東京は日本の首都です"
    assert document.metadata["notes"] == ("read as cp932",)
