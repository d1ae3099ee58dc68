from __future__ import annotations

import io

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject

from ragkit.errors import DocumentError
from ragkit.ingest.parse.formats import parse_bytes
from ragkit.ingest.parse.hyphens import hyphen_joiner
from ragkit.ingest.parse.pdf import parse_pdf
from tests.unit.ingest.parse.pdf_files import column, encrypted, pdf


def test_each_page_has_its_span_and_each_paragraph_its_block() -> None:
    first = [*column("One line", "and the next."), *column("Another paragraph.", top=640)]
    parsed = parse_pdf(pdf(first, [], column("Last page.")))
    assert parsed.text == "One line\nand the next.\n\nAnother paragraph.\n\nLast page."
    assert [page.of(parsed.text) for page in parsed.pages] == [
        "One line\nand the next.\n\nAnother paragraph.",
        "",
        "Last page.",
    ]
    assert [block.of(parsed.text) for block in parsed.blocks] == [
        "One line\nand the next.",
        "Another paragraph.",
        "Last page.",
    ]


def test_russian_text_is_read_through_the_fonts_own_map() -> None:
    parsed = parse_pdf(pdf(column("Дождь шёл.", "весна"), letters="Дождьшёлвесна"))
    assert parsed.text == "Дождь шёл.\nвесна"


def test_a_sentence_goes_on_over_the_end_of_a_page() -> None:
    parsed = parse_pdf(pdf(column("It was a dark and"), column("stormy night.")))
    assert parsed.text == "It was a dark and\nstormy night."
    assert [page.start for page in parsed.pages] == [0, 18]


def test_words_parted_at_the_end_of_a_line_are_joined() -> None:
    parsed = parse_pdf(
        pdf(column("The auto-", "matic door and the well-", "known one.", "It is well-known."))
    )
    assert parsed.text == "The automatic door and the well-known one.\nIt is well-known."


def test_the_rows_of_a_table_stay_lines_with_their_cells_apart() -> None:
    rows = [("Item", 50, 700), ("Price", 300, 700), ("Bolt", 50, 686), ("0.40", 300, 686)]
    assert parse_pdf(pdf([(x, y, cell) for cell, x, y in rows])).text == "Item | Price\nBolt | 0.40"


def test_a_raised_mark_stays_in_its_line() -> None:
    pieces = [(50.0, 700.0, "E = mc"), (93.5, 705.0, "2"), (100.9, 700.0, ", said"), (151.5, 700.0, "he")]
    assert parse_pdf(pdf([*pieces, (50.0, 686.0, "in 1905.")])).text == "E = mc2, said he\nin 1905."


def test_bookmarks_open_sections_at_their_headings() -> None:
    first = column("Intro", "", "Some text.", step=30)
    second = column("Unnamed text.", "2 Set-up", "Do this.", step=30)
    marks = [("Intro", 0), ("Set-up", 1), ("Appendix", 1)]
    parsed = parse_pdf(pdf(first, second, bookmarks=marks))
    assert [(s.title, s.span.of(parsed.text)) for s in parsed.sections] == [
        ("Intro", "Intro\n\nSome text.\n\nUnnamed text.\n\n"),
        ("2 Set-up", "2 Set-up\n\n"),
        ("Appendix", "Do this."),
    ]


def test_title_author_and_date_are_metadata() -> None:
    info = "/Title (Microsoft Word - Plan) /Author (A. B.) /CreationDate (D:20240131120000+03'00')"
    metadata = parse_pdf(pdf(column("x"), info=info)).metadata
    assert dict(metadata) == {"title": "Plan", "author": "A. B.", "date": "2024-01-31T12:00:00"}


def test_an_encrypted_file_needs_a_password() -> None:
    with pytest.raises(DocumentError, match=r"needs_password: it is encrypted\. Save it without") as caught:
        parse_bytes(encrypted(pdf(column("x")), "key"), id="a", extension=".pdf")
    assert not caught.value.rejected


def test_an_empty_password_is_none() -> None:
    assert parse_pdf(encrypted(pdf(column("Open to all.")), "")).text == "Open to all."


def test_a_scan_is_never_an_empty_document() -> None:
    with pytest.raises(DocumentError, match=r"no text layer: 2 pages of images .* Run OCR first") as caught:
        parse_pdf(pdf([], [], images=[0, 1]))
    assert not caught.value.rejected


def test_scanned_pages_among_others_are_noted() -> None:
    parsed = parse_pdf(pdf(column("Text."), [], [], images=[1]))
    assert parsed.metadata["notes"] == ("pages without a text layer (run OCR to index them): 2",)


def test_blank_pages_are_quarantined_since_they_may_be_damaged() -> None:
    with pytest.raises(DocumentError, match=r"it is blank or damaged: 1 page without content") as caught:
        parse_pdf(pdf([]))
    assert not caught.value.rejected


def test_a_text_layer_of_unknown_letters_is_not_taken_for_text() -> None:
    letters = "".join(map(chr, range(0xE000, 0xE010)))
    with pytest.raises(DocumentError, match="its text layer is not readable: its fonts do not say"):
        parse_pdf(pdf(column(letters), letters=letters))


def outcome(data: bytes) -> str:
    """The text, or in a word what is wrong with it; what the worker process survives, that is."""
    try:
        return parse_bytes(data, id="a", extension=".pdf").text
    except DocumentError as e:
        return next((word for word in ("damaged", "blank") if f"it is {word}" in e.reason), e.reason)


@pytest.mark.parametrize("cut", [20, 300, 600])
def test_a_file_cut_short_is_read_or_damaged_but_never_crashes(cut: int) -> None:
    whole = pdf(column("Text that stays."))
    assert outcome(whole[:-cut]) in {"Text that stays.", "damaged", "blank"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"/Kids [5 0 R]", b"/Kids [2 0 R]"),
        (b"/Parent 2 0 R", b"/Parent 5 0 R"),
        (b"/Contents 6 0 R", b"/Contents 5 0 R"),
        (b"/Pages 2 0 R", b"/Pages 1 0 R"),
    ],
)
def test_references_in_a_circle_end(old: bytes, new: bytes) -> None:
    data = pdf(column("Text.")).replace(old, new)
    assert outcome(data) in {"Text.", "damaged", "blank"}


def test_an_outline_in_a_circle_ends() -> None:
    marks = [("One", 0), ("Two", 0)]
    data = pdf(column("Text."), bookmarks=marks).replace(b"/Next 9 0 R", b"/Next 8 0 R")
    assert parse_pdf(data).text == "Text."


def test_a_hyphen_stays_where_the_documents_words_say_so() -> None:
    join = hyphen_joiner(["free of carbon, a lug|gage, luggage, co-op, сорт"], "|")
    assert join("carbon|free lug|gage Jean|Paul 2019|2020 co|op high|speed сорти|ровка") == (
        "carbon-free luggage Jean-Paul 2019-2020 co-op highspeed сортировка"
    )


def test_form_values_and_comments_stand_at_the_end_of_their_page() -> None:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(column("Name:"), column("Next.")))))
    page = writer.pages[0]
    fields = ArrayObject()
    writer.root_object[NameObject("/AcroForm")] = DictionaryObject({NameObject("/Fields"): fields})
    for extra in (
        "/Widget /FT /Tx /T (name) /V (Anna)",
        "/Widget /FT /Tx /T (empty) /V ()",
        "/Widget /FT /Btn /T (agreed) /V /Yes /AS /Yes /AP << /N << /Yes null >> >>",
        "/Text /Contents (Ask her)",
        "/FreeText /Contents (Typed on)",
        "/Text /Contents (Ask her)",
        "/Text /F 2 /Contents (Hidden)",
    ):
        source = f"<< /Type /Annot /Rect [50 50 90 60] /Subtype {extra} >>".encode()
        reference = writer._add_object(DictionaryObject.read_from_stream(io.BytesIO(source), None))
        page.setdefault(NameObject("/Annots"), ArrayObject()).append(reference)
        if "/Widget" in extra:
            fields.append(reference)
    out = io.BytesIO()
    writer.write(out)
    parsed = parse_pdf(out.getvalue())
    first = "Name:\n\nname: Anna\n\nagreed: Yes\n\nComment: Ask her\n\nTyped on"
    assert [p.of(parsed.text) for p in parsed.pages] == [first, "Next."]


def test_the_letters_of_an_arabic_ligature_are_in_reading_order() -> None:
    # Drawn from left to right: beh, then the glyph that stands for lam and alef.
    data = pdf([(50, 700, "BA")], letters="AB")
    for code, letters in ((b"<a0> <0041>", b"<a0> <06440627>"), (b"<a1> <0042>", b"<a1> <0628>")):
        assert code in data
        data = data.replace(code, letters)
    assert parse_pdf(data).text == "\u0644\u0627\u0628"


def test_pages_that_are_claimed_and_not_there_are_not_sought_for_long() -> None:
    parsed = parse_pdf(pdf(column("Here.")).replace(b"/Count 1 ", b"/Count 1000000 "))
    assert parsed.text == "Here."
    assert parsed.metadata["notes"] == (
        f"pages that cannot be read: {', '.join(map(str, range(2, 22)))} and 999979 more",
    )
