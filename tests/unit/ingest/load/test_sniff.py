from __future__ import annotations

import codecs

import pytest

from ragkit.errors import DocumentError
from ragkit.ingest.load.sniff import sniff
from ragkit.ingest.parse.formats import parse_bytes
from tests.unit.ingest.parse.pdf_files import column, pdf

PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"
BINARY_PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\nstream \x9c\xff"


def name_of(data: bytes) -> str | None:
    kind = sniff(data)
    return None if kind is None else kind.name


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%PDF-1.7\n", "pdf"),
        (b"PK\x03\x04....word/document.xml", "docx"),
        (b"PK\x03\x04....other", "zip"),
        (b"PK\x05\x06" + bytes(18), "zip"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"{\\rtf1", "rtf"),
        (b"a.txt".ljust(257, b"\x00") + b"ustar\x0000", "tar"),
        (b"\x00\x00\x00\x20ftypisom", "media"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", "media"),
        (b"ID3\x04\x00", "mp3"),
        (b"BZh91AY&SY", "bzip2"),
        (b"MZ\x90\x00\x03", "exe"),
        (b"\x28\xb5\x2f\xfd\x04", "zstd"),
    ],
)
def test_binary_formats_are_known_by_their_first_bytes(data: bytes, name: str) -> None:
    assert name_of(data) == name


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"# Title",
        "Привет".encode("cp1251"),
        codecs.BOM_UTF16_LE + b"a\x00",
        b"RIFF is a container of chunks.",
        b"ID3 is an algorithm that grows decision trees.",
        b"GIF8 and its kin",
        b"The ftyp box comes first.",
        b"MZ, the initials of Mark Zbikowski, begin a program.",
        b"BZh is the magic of bzip2.",
        b"PK\nis no archive",
    ],
)
def test_text_is_not_taken_for_binary(data: bytes) -> None:
    assert sniff(data) is None


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\r\n\r\n", b"\xef\xbb\xbf  \n\t"])
@pytest.mark.parametrize(
    ("data", "name"), [(b"{\\rtf1 Text.}", "rtf"), (b"PK\x03\x04....word/", "docx"), (PDF, "pdf")]
)
def test_a_mark_and_blanks_may_stand_before_a_format(before: bytes, data: bytes, name: str) -> None:
    assert name_of(before + data) == name


@pytest.mark.parametrize("n", [1, 500, 1024])
@pytest.mark.parametrize("data", [PDF, BINARY_PDF])
def test_a_pdf_may_begin_within_the_first_1024_bytes(n: int, data: bytes) -> None:
    assert name_of(b"x" * n + data) == "pdf"


def test_a_pdf_that_begins_later_is_none() -> None:
    assert sniff(b"x" * 1025 + PDF) is None


def test_a_text_about_the_mark_of_a_pdf_stays_text() -> None:
    assert sniff("A PDF begins with `%PDF-1.7`, then comes an obj — see §7.5.2.".encode()) is None


@pytest.mark.parametrize("extension", [".txt", ".md", ".pdf", ""])
def test_a_pdf_behind_other_bytes_is_read_as_one_whatever_its_name(extension: str) -> None:
    data = b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n" + pdf(column("Words of the page."))
    document = parse_bytes(data, id="a", extension=extension)
    assert document.text.strip() == "Words of the page."
    assert document.metadata["format"] == "pdf"


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)) * 8,
        b"\xff\xfe" + bytes(range(1, 255)) * 8,
        b"Some words first, \x00\x01\x02 then not: \x80\x81\xfe\xff" * 20,
        b"\x00\x01\x02\x03" * 100,
    ],
)
@pytest.mark.parametrize("extension", [".txt", ".md", ".csv", ".json", ""])
def test_binary_content_is_never_indexed_as_text(data: bytes, extension: str) -> None:
    with pytest.raises(DocumentError):
        parse_bytes(data, id="a", extension=extension)
