from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.errors import DocumentError
from ragkit.ingest.load.decode import clean, decode
from tests.unit.ingest.load.test_guess import readings

RUSSIAN = "Гарантия на терминал действует двадцать четыре месяца со дня передачи товара. Wick 7 — 36 месяцев."
MIXED = "The ООО «Фонарь» office. Работает с понедельника по пятницу. Phone, e-mail and address below."


@given(
    st.text(
        alphabet=st.characters(codec="utf-8", exclude_characters="\x00\r\ufeff", exclude_categories=["Cc"])
    )
)
def test_utf8_comes_back_as_it_went_in(text: str) -> None:
    decoded = decode(text.encode())
    assert (decoded.text, decoded.notes) == (text, ())


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_byte_order_mark_decides_and_goes(mark: bytes, encoding: str) -> None:
    decoded = decode(mark + RUSSIAN.encode(encoding))
    assert (decoded.text, decoded.encoding) == (RUSSIAN, encoding)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_recognised(encoding: str) -> None:
    assert decode("Plain words, no mark.".encode(encoding)).text == "Plain words, no mark."


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "cp866"])
@pytest.mark.parametrize("text", [RUSSIAN, MIXED, RUSSIAN.upper(), "Как вернуть товар продавцу?"])
def test_russian_charsets_are_told_apart(text: str, encoding: str) -> None:
    encodable = text.replace("—", "-").replace("«", '"').replace("»", '"')
    decoded = decode(encodable.encode(encoding))
    assert (decoded.text, decoded.encoding) == (encodable, encoding)


@pytest.mark.parametrize(
    "text",
    [
        "Le café est très chaud cette année.",
        "Die schöne Frau aß köstliche Äpfel.",
        "¿Dónde está el niño?",
    ],
)
def test_western_text_is_never_read_as_anything_else(text: str) -> None:
    assert readings(text, "cp1252") <= {"right", None}


def test_a_declared_charset_is_used() -> None:
    assert decode("Die schöne Frau".encode("cp1252"), declared="windows-1252").text == "Die schöne Frau"


def test_a_wrong_declaration_gives_way_to_utf8() -> None:
    assert decode("Гарантия".encode(), declared="windows-1251").text == "Гарантия"


def test_an_unknown_declaration_is_no_proof() -> None:
    with pytest.raises(DocumentError, match="not valid UTF-8 at byte 3"):
        decode(b"abc\xf8 \xf0\xf1", declared="no-such-charset")


def test_the_offset_of_the_first_bad_byte_is_named() -> None:
    with pytest.raises(DocumentError, match=r"not valid UTF-8 at byte 1,000 "):
        decode(b"a" * 1000 + b"\xff\xfa" + b"b" * 10)


def test_a_truncated_utf16_file_is_refused() -> None:
    with pytest.raises(DocumentError, match="not valid UTF-16-LE at byte 8"):
        decode(codecs.BOM_UTF16_LE + "abc".encode("utf-16-le") + b"x")


def test_random_bytes_are_refused() -> None:
    with pytest.raises(DocumentError, match="not text"):
        decode(bytes(range(256)) * 20)


def test_line_ends_become_newlines_and_nul_and_surrogates_go_with_a_note() -> None:
    assert clean("a\r\nb\rc\x00\ud800d") == ("a\nb\ncd", ("removed 2 NUL or surrogate characters",))
