from __future__ import annotations

from email.message import EmailMessage

import pytest

from ragkit.errors import DocumentError
from ragkit.ingest.parse.eml import parse_eml
from ragkit.ingest.parse.formats import parse_bytes


def message(subject: str = "Отчёт за май", text: str = "Добрый день!\n\nОтчёт во вложении.") -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"] = subject
    mail["From"] = "Анна Петрова <anna@example.com>"
    mail["To"] = "b@example.com"
    mail["Date"] = "Mon, 05 May 2025 10:30:00 +0300"
    mail.set_content(text)
    return mail


def test_the_headers_are_metadata_and_the_first_lines() -> None:
    parsed = parse_eml(message().as_bytes())
    assert parsed.text == (
        "Subject: Отчёт за май\nFrom: Анна Петрова <anna@example.com>\nTo: b@example.com\n"
        "Date: Mon, 05 May 2025 10:30:00 +0300\n\nДобрый день!\n\nОтчёт во вложении."
    )
    assert dict(parsed.metadata) == {
        "title": "Отчёт за май",
        "author": "Анна Петрова <anna@example.com>",
        "to": "b@example.com",
        "date": "2025-05-05T10:30:00+03:00",
    }


def test_plain_text_is_preferred_to_html_and_html_read_where_it_is_alone() -> None:
    both = message(text="Plain.")
    both.add_alternative("<p>Rich.</p>", subtype="html")
    assert parse_eml(both.as_bytes()).text.endswith("Plain.")
    rich = EmailMessage()
    rich["Subject"] = "x"
    rich.set_content("<style>p {}</style><p>Only <b>rich</b>.</p>", subtype="html")
    assert parse_eml(rich.as_bytes()).text == "Subject: x\n\nOnly rich."


def test_an_empty_plain_part_does_not_hide_the_html_one() -> None:
    mail = message(text="")
    mail.add_alternative("<p>Rich.</p>", subtype="html")
    assert parse_eml(mail.as_bytes()).text.endswith("Rich.")


def test_attachments_are_named_and_not_opened() -> None:
    mail = message()
    mail.add_attachment(b"secret", maintype="application", subtype="pdf", filename="отчёт.pdf")
    mail.add_attachment("a,b", subtype="csv", filename="data.csv")
    text = parse_eml(mail.as_bytes()).text
    assert text.endswith("Attachments: отчёт.pdf, data.csv")
    assert "secret" not in text


def test_a_message_within_a_message_is_a_section() -> None:
    mail = message("Fwd", "See below.")
    mail.add_attachment(message("Inner", "The original."))
    parsed = parse_eml(mail.as_bytes())
    assert [(s.title, s.level) for s in parsed.sections] == [("Inner", 1)]
    assert parsed.sections[0].span.of(parsed.text).endswith("The original.")


def test_messages_nested_without_end_are_quarantined() -> None:
    mail = message()
    for _ in range(12):
        outer = message()
        outer.add_attachment(mail)
        mail = outer
    with pytest.raises(DocumentError, match="attached messages are nested more than 10 deep"):
        parse_eml(mail.as_bytes())


@pytest.mark.parametrize("charset", ["koi8-r", "windows-1251", "iso-8859-5"])
def test_russian_bodies_are_read_in_the_charset_they_declare(charset: str) -> None:
    mail = EmailMessage()
    mail["Subject"] = "x"
    mail.set_content("Съешь ещё этих мягких французских булок.", charset=charset)
    assert parse_eml(mail.as_bytes()).text.endswith("Съешь ещё этих мягких французских булок.")


@pytest.mark.parametrize(
    ("date", "iso"),
    [("2025-07-29T12:42:06", "2025-07-29T12:42:06"), ("someday", None), ("Mon, 99 Foo", None)],
)
def test_a_date_of_another_form_is_read_or_left_in_the_text(date: str, iso: str | None) -> None:
    parsed = parse_eml(f"Subject: x\nDate: {date}\n\nText.\n".encode())
    assert parsed.metadata.get("date") == iso
    assert f"Date: {date}" in parsed.text


def test_malformed_headers_stay_as_they_are_written() -> None:
    parsed = parse_eml(b"Subject: =?utf-8?B?!!!?= =?nope?Q?x?=\nFrom: caf\xe9\n\nText.\n")
    assert parsed.text.endswith("Text.")
    assert parsed.metadata["author"] == "café"


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_message_saved_in_utf_16_is_read(charset: str) -> None:
    assert parse_eml("Subject: Привет\n\nТекст.\n".encode(charset)).text == "Subject: Привет\n\nТекст."


def test_what_has_no_header_is_no_e_mail() -> None:
    with pytest.raises(DocumentError, match="it has no e-mail header"):
        parse_bytes(b"just words", id="a", extension=".eml")


@pytest.mark.parametrize("charset", ["", "; charset=us-ascii", "; charset=x-unknown"])
def test_a_text_whose_charset_is_not_said_is_read_as_mail_readers_do(charset: str) -> None:
    head = f"Subject: a\nContent-Type: text/plain{charset}\n\n".encode()
    assert parse_eml(head + b"Un caf\xe9 au lait.").text == "Subject: a\n\nUn café au lait."


@pytest.mark.parametrize(
    ("plain", "expected"),
    [("Your mail program cannot show HTML.", "sentence " * 60), ("word " * 50, "word " * 50), ("Hi.", "Hi.")],
)
def test_a_plain_text_that_only_points_to_the_html_is_passed_over(plain: str, expected: str) -> None:
    mail = message("S", plain)
    html = "Hi." if plain == "Hi." else "sentence " * 60
    mail.add_alternative(f"<style>p {{ margin: 0 }}</style><p>{html}</p>", subtype="html")
    assert parse_eml(mail.as_bytes()).text.endswith(f"\n\n{expected.strip()}")
