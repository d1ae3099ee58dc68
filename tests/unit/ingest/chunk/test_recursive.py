from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import ConfigError
from ragkit.ingest.chunk.measure import Measure
from ragkit.ingest.chunk.recursive import RecursiveChunker
from ragkit.ingest.chunk.units import parts_of
from ragkit.ingest.parse.markdown import parse_markdown
from ragkit.ingest.parse.plain import parse_plain
from ragkit.text.tokens import count_tokens
from ragkit.types import Document, Section, Span


def document(source: str) -> Document:
    parsed = parse_markdown(source)
    return Document("a", parsed.text, sections=parsed.sections, blocks=parsed.blocks)


def texts(source: str, size: int = 60, overlap: int = 0) -> list[str]:
    doc = document(source)
    return [span.of(doc.text) for span in RecursiveChunker(size=size, overlap=overlap).split(doc)]


LONG = "The lamp burns for many hours without any change at all. "


def test_a_short_document_is_one_chunk() -> None:
    assert texts("# Title\n\nOne.\n\nTwo.") == ["Title\n\nOne.\n\nTwo."]


def test_sections_are_not_mixed_even_where_both_would_fit() -> None:
    assert texts(f"## A\n\n{LONG}\n\n## B\n\n{LONG}") == [f"A\n\n{LONG.strip()}", f"B\n\n{LONG.strip()}"]


def test_a_title_goes_with_the_first_section() -> None:
    assert texts(f"# T\n\n## A\n\n{LONG}\n\n## B\n\n{LONG}")[0] == f"T\n\nA\n\n{LONG.strip()}"


def test_tiny_sections_under_one_parent_share_a_chunk() -> None:
    assert texts(f"# T\n\n{LONG * 4}\n\n## A\n\nYes.\n\n## B\n\nNo.")[1:] == ["A\n\nYes.\n\nB\n\nNo."]


def test_a_tiny_section_does_not_join_another_branch() -> None:
    assert texts(f"## A\n\n{LONG}\n\n### A1\n\nYes.\n\n# B\n\nNo.")[-1] == "B\n\nNo."


def test_subsections_share_a_chunk_while_they_fit() -> None:
    assert len(texts(f"## A\n\n{LONG}\n\n### A1\n\n{LONG}\n\n### A2\n\n{LONG}")) == 1
    assert len(texts(f"## A\n\n{LONG * 3}\n\n### A1\n\n{LONG}\n\n### A2\n\n{LONG}")) == 2


def test_a_heading_stays_with_the_text_below_it() -> None:
    for chunk in texts(f"# T\n\n## A\n\n### B\n\n{LONG * 12}"):
        assert not chunk.endswith(("T", "A", "B"))
    assert texts(f"# T\n\n## A\n\n### B\n\n{LONG * 12}")[0].startswith("T\n\nA\n\nB\n\nThe lamp")


def test_a_line_that_announces_code_stays_with_it() -> None:
    section = f"{LONG * 3}\n\nRun this command:\n\n```\nlantern start\n```\n\n"
    for chunk in texts(f"## A\n\n{section * 6}"):
        assert not chunk.endswith("Run this command:")


def test_an_announcement_at_the_end_is_no_chunk_of_its_own() -> None:
    assert all(len(chunk) > 60 for chunk in texts(f"## A\n\n{LONG * 7}\n\nAs follows:"))


def test_table_rows_and_code_are_not_cut() -> None:
    rows = "\n".join(f"| row {i} | value of row {i} |" for i in range(30))
    code = "\n".join(f"    value_{i} = compute(value_{i}, {i})" for i in range(3))
    for chunk in texts(f"## T\n\n| Name | Value |\n|---|---|\n{rows}\n\n```\ndef f():\n{code}\n```"):
        assert all(
            line.startswith(("T", "Name", "def f", "    value_")) or not line for line in chunk.split("\n")
        )
    assert any(f"def f():\n{code}" in chunk for chunk in texts(f"{LONG * 3}\n\n```\ndef f():\n{code}\n```"))


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    chunks = texts(LONG * 20)
    assert len(chunks) > 2
    assert all(chunk.startswith("The lamp") and chunk.endswith("at all.") for chunk in chunks)


def test_chunks_of_a_section_are_of_even_length() -> None:
    sizes = [count_tokens(chunk) for chunk in texts(LONG * 21)]
    assert max(sizes) <= 60
    assert min(sizes) >= 0.5 * max(sizes)


def test_neighbours_overlap_by_whole_sentences() -> None:
    numbered = " ".join(f"Sentence number {i} says nothing new." for i in range(40))
    chunks = texts(numbered, overlap=12)
    for before, after in pairwise(chunks):
        first = after.split(". ")[0] + "."
        assert first.startswith("Sentence number")
        assert before.endswith(first)


def test_text_before_the_first_heading_and_empty_sections_are_kept() -> None:
    assert texts(f"Intro text.\n\n# A\n\n# B\n\n{LONG}") == ["Intro text.", f"A\n\nB\n\n{LONG.strip()}"]


def test_a_word_longer_than_a_chunk_is_cut_between_characters() -> None:
    doc = Document("a", "x " + "абв" * 5_000 + " y")
    chunker = RecursiveChunker(size=50, overlap=10)
    spans = chunker.split(doc)
    assert all(len(span) <= 50 * 20 for span in spans)
    covered = "".join(span.of(doc.text) for span in spans)
    assert set(covered) >= set("xабвy")


def test_an_accent_is_not_parted_from_its_letter() -> None:
    doc = Document("a", "e\u0301" * 4_000)
    assert all(span.of(doc.text)[0] == "e" for span in RecursiveChunker(size=50, overlap=0).split(doc))


def test_a_blank_document_has_no_chunks() -> None:
    assert RecursiveChunker().split(Document("a", " \n\t\n")) == []


def test_overlap_must_leave_room() -> None:
    with pytest.raises(ConfigError, match=r"overlap \(30\) must be at most half of size \(40\)"):
        RecursiveChunker(size=40, overlap=30)


def test_the_fingerprint_follows_the_settings() -> None:
    prints = {RecursiveChunker(size=s, overlap=o).fingerprint for s in (100, 200) for o in (0, 10)}
    assert len(prints) == 4
    assert RecursiveChunker().fingerprint == RecursiveChunker(size=350, overlap=40).fingerprint


def test_hostile_documents_end_in_bounded_time() -> None:
    started = time.perf_counter()
    for text in (
        "word " * 200_000,
        "a" * 1_000_000,
        "a. " * 100_000,
        "\n\n".join("x" * 60_000),
        "é" * 300_000,
    ):
        assert RecursiveChunker().split(Document("a", text))
    headings = tuple(Section("h", span=Span(3 * i, 60_000), level=i) for i in range(20_000))
    assert RecursiveChunker().split(Document("a", "h\n\n" * 20_000, sections=headings))
    assert time.perf_counter() - started < 60


paragraph = st.text("aбв.!?é\u0301 \n,-=(){}1", min_size=1, max_size=300)
sources = st.lists(
    st.one_of(
        paragraph,
        st.tuples(st.integers(1, 4), st.text("abв ", min_size=1, max_size=20)).map(
            lambda h: f"{'#' * h[0]} {h[1]}"
        ),
        paragraph.map("```\n{}\n```".format),
        st.lists(st.text("ab c.", max_size=40), max_size=6).map(
            lambda items: "\n".join(f"- {i}" for i in items)
        ),
        st.integers(1, 30).map(lambda n: "Один два три. Four five six! " * n),
    ),
    max_size=12,
).map("\n\n".join)


@settings(max_examples=400, deadline=None)
@given(sources, st.integers(8, 80), st.floats(0, 0.5), st.booleans())
def test_spans_cover_the_text_in_order_within_the_limit(
    source: str, size: int, part: float, plain: bool
) -> None:
    parsed = parse_plain(source) if plain else parse_markdown(source)
    text = parsed.text
    doc = Document("a", text, sections=parsed.sections, blocks=parsed.blocks)
    spans = RecursiveChunker(size=size, overlap=int(size * part)).split(doc)
    covered = [False] * len(text)
    for span in spans:
        assert span.of(text).strip() == span.of(text) != ""
        assert count_tokens(span.of(text)) <= size or len(span.of(text).split()) == 1
        covered[span.start : span.end] = [True] * len(span)
    assert all(seen or char.isspace() for seen, char in zip(covered, text, strict=True))
    assert [s.end for s in spans] == sorted({s.end for s in spans})
    assert [s.start for s in spans] == sorted({s.start for s in spans})


@settings(max_examples=150, deadline=None)
@given(
    st.text("ab .\n", max_size=300),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300), st.integers(1, 4)), max_size=6),
    st.lists(st.integers(0, 300), max_size=8),
)
def test_any_structure_made_in_code_is_covered(
    text: str, heads: list[tuple[int, int, int]], cuts: list[int]
) -> None:
    sections = tuple(Section("ab", span=Span(min(a, b), max(a, b)), level=n) for a, b, n in sorted(heads))
    edges = sorted({min(c, len(text)) for c in cuts})
    blocks = tuple(Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False))
    spans = RecursiveChunker(size=10, overlap=3).split(Document("a", text, sections=sections, blocks=blocks))
    covered = {i for span in spans for i in range(span.start, span.end)}
    assert all(i in covered for i, char in enumerate(text) if not char.isspace())


class Reader:
    """An embedder that reads at most 62 words, and only English."""

    name = fingerprint = "reader"
    dimension = 1
    max_tokens = 62
    languages = frozenset({"en"})

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        at, spans = 0, []
        for word in text.split():
            at = text.index(word, at)
            spans.append((at, at + len(word)))
            at += len(word)
        return spans

    def embed(self, texts: object, kind: object) -> object:
        raise NotImplementedError


def test_chunks_are_no_longer_than_the_embedder_reads() -> None:
    chunker = RecursiveChunker(overlap=0).measured_by(Reader())  # type: ignore[arg-type]
    doc = Document("a", LONG * 30, metadata={"lang": "en"})
    assert max(len(span.of(doc.text).split()) for span in chunker.split(doc)) <= 20


def test_a_language_the_embedder_does_not_know_is_measured_by_ragkit() -> None:
    chunker = RecursiveChunker(overlap=0).measured_by(Reader())  # type: ignore[arg-type]
    doc = Document("a", "Лампа горит много часов. " * 30, metadata={"lang": "ru"})
    assert chunker.split(doc) == RecursiveChunker(overlap=0).split(doc)


def test_the_fingerprint_follows_the_embedder() -> None:
    assert RecursiveChunker().measured_by(Reader()).fingerprint != RecursiveChunker().fingerprint  # type: ignore[arg-type]


def test_a_heading_within_which_another_begins_is_cut_as_text() -> None:
    text = "One two three\n\nfour"
    sections = (
        Section("One two three", span=Span(0, 13), level=1),
        Section("two three", span=Span(4, 13), level=1),
    )
    parts = parts_of(Document("a", text, sections=sections), Measure(text, count=len))
    assert [(u.start, u.end) for part in parts for u in part.units] == [(0, 3), (4, 13), (15, 19)]
