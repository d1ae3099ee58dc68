from __future__ import annotations

from ragkit.ingest.chunk.chunks import make_chunks
from ragkit.types import Chunk, Document, Section, Span

TEXT = "Guide\n\nIntro.\n\nInstall\n\nRun it.\n\nUse\n\nЗапустите программу и подождите."
INSTALL, USE = TEXT.index("Install"), TEXT.index("Use")
DOCUMENT = Document(
    "guide.md",
    TEXT,
    uri="docs/guide.md",
    acl=("staff",),
    metadata={"title": "Guide", "lang": "en"},
    sections=(
        Section("Guide", span=Span(0, len(TEXT)), level=1),
        Section("Install", span=Span(INSTALL, USE), level=2),
        Section("Use", span=Span(USE, len(TEXT)), level=2),
    ),
    pages=(Span(0, INSTALL), Span(INSTALL, USE), Span(USE, len(TEXT))),
)


def chunks(*spans: Span, document: Document = DOCUMENT) -> list[Chunk]:
    return make_chunks(document, spans, "acme", "v1")


def test_a_chunk_carries_all_that_a_reader_needs() -> None:
    (chunk,) = chunks(Span(INSTALL, USE - 2))
    assert chunk.text == "Install\n\nRun it." == chunk.span.of(TEXT)
    assert (chunk.headings, chunk.page, chunk.lang) == (("Guide", "Install"), 2, "en")
    assert (chunk.uri, chunk.tenant, chunk.acl, chunk.metadata) == (
        "docs/guide.md",
        "acme",
        ("staff",),
        DOCUMENT.metadata,
    )


def test_a_chunk_over_two_sections_has_their_common_path() -> None:
    assert chunks(Span(INSTALL, len(TEXT)))[0].headings == ("Guide",)


def test_the_language_is_that_of_the_chunk() -> None:
    assert [c.lang for c in chunks(Span(0, 13), Span(USE + 5, len(TEXT)))] == ["en", "ru"]


def test_ids_differ_by_ordinal_tenant_fingerprint_and_content() -> None:
    span = Span(0, 5)
    other = Document("guide.md", TEXT)
    made = [
        *chunks(span, span),
        *make_chunks(DOCUMENT, [span], "other", "v1"),
        *make_chunks(DOCUMENT, [span], "acme", "v2"),
        *chunks(span, document=other),
    ]
    assert len({chunk.id for chunk in made}) == len(made)
    assert [c.ordinal for c in chunks(span, span)] == [0, 1]


def test_a_document_title_stands_above_sections_that_lack_it() -> None:
    document = Document(
        "a",
        "Install\n\nRun.",
        metadata={"title": "Acme"},
        sections=(Section("Install", span=Span(0, 13), level=2),),
    )
    assert chunks(Span(0, 13), document=document)[0].headings == ("Acme", "Install")


def test_a_title_that_the_first_heading_repeats_is_not_doubled() -> None:
    document = Document(
        "a",
        "Install\n\nRun.",
        metadata={"title": "Install – Acme"},
        sections=(Section("Install", span=Span(0, 13), level=1),),
    )
    assert chunks(Span(0, 13), document=document)[0].headings == ("Install",)


def test_a_document_without_pages_and_headings_has_neither() -> None:
    (chunk,) = chunks(Span(0, 2), document=Document("a", "42"))
    assert (chunk.headings, chunk.page, chunk.lang) == ((), None, "und")
