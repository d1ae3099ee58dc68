"""Hits that grow: by sentences, into sections, where most of a section was found."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import ConfigError
from ragkit.retrieve.auto_merge import AutoMergeRetrieve
from ragkit.retrieve.growth import Growth
from ragkit.retrieve.outline import Outline
from ragkit.retrieve.parent import ParentRetrieve
from ragkit.retrieve.window import WindowRetrieve
from ragkit.text.spans import contains, covered
from ragkit.text.tokens import count_tokens
from ragkit.types import Chunk, Document, Ranking, Section, Span
from tests.scale import scaled
from tests.unit.making import run_context
from tests.unit.retrieve.growing import Around, Resources, cut, markdown, ranking_of

GUIDE = markdown(
    "# Guide\n\nRead this first.\n\n"
    "## Warranty\n\nIt lasts two years. Batteries have one. Glass has none. Ask by mail.\n\n"
    "## Гарантия\n\nОна длится два года. На батареи — год. На стекло её нет. Пишите нам.\n"
)


def grown(stage: Growth, collection: Around, ranking: Ranking) -> Ranking:
    stage.setup(Resources(collection))
    return stage.run(ranking, run_context())


def texts(stage: Growth, document: Document, chunks: Sequence[Chunk]) -> list[str]:
    return [hit.chunk.text for hit in grown(stage, Around(document), ranking_of(chunks)).hits]


def sentence(document: Document, text: str) -> Chunk:
    """A chunk of just this sentence."""
    start = document.text.index(text)
    whole = cut(document, 1000)[0]
    return Chunk(
        f"{start:032x}", document.id, span=Span(start, start + len(text)), text=text, ordinal=start,
        uri=whole.uri,
    )  # fmt: skip


# --- windows --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hit", "window"),
    [
        ("Batteries have one.", "It lasts two years. Batteries have one. Glass has none."),
        ("На батареи — год.", "Она длится два года. На батареи — год. На стекло её нет."),
        ("Пишите нам.", "На стекло её нет. Пишите нам."),
    ],
)
def test_a_window_has_the_sentences_around_a_hit(hit: str, window: str) -> None:
    assert texts(WindowRetrieve(sentences=1), GUIDE, [sentence(GUIDE, hit)]) == [window]


def test_a_window_never_reaches_over_a_heading() -> None:
    (text,) = texts(WindowRetrieve(sentences=50), GUIDE, [sentence(GUIDE, "Glass has none.")])
    assert text.startswith("Warranty")
    assert text.endswith("Ask by mail.")


def test_a_window_ends_before_the_sentence_that_is_too_much() -> None:
    hit = sentence(GUIDE, "Batteries have one.")
    n = count_tokens("Glass has none.")
    assert texts(WindowRetrieve(sentences=None, tokens=n), GUIDE, [hit]) == [
        "Batteries have one. Glass has none."
    ]
    assert texts(WindowRetrieve(sentences=None, tokens=0), GUIDE, [hit]) == ["Batteries have one."]


def test_windows_that_meet_become_one_and_the_better_hit_names_it() -> None:
    hits = [sentence(GUIDE, "Ask by mail."), sentence(GUIDE, "It lasts two years.")]
    ranking = grown(WindowRetrieve(sentences=1), Around(GUIDE), ranking_of(hits))
    (hit,) = ranking.hits
    assert (hit.chunk.id, hit.score, dict(hit.scores)) == (hits[0].id, 1.0, {"bm25": 10.0})
    assert hit.chunk.text.startswith("Warranty")
    assert hit.chunk.text.endswith("Ask by mail.")


def test_windows_of_two_sections_stay_apart() -> None:
    hits = [sentence(GUIDE, "Ask by mail."), sentence(GUIDE, "Она длится два года.")]
    assert len(texts(WindowRetrieve(sentences=9), GUIDE, hits)) == 2


def test_a_window_without_a_limit_is_refused() -> None:
    with pytest.raises(ConfigError, match="set `sentences` or `tokens`"):
        WindowRetrieve(sentences=None)


# --- parents --------------------------------------------------------------------------------------


def test_a_hit_becomes_the_largest_section_that_is_short_enough() -> None:
    hit = sentence(GUIDE, "Batteries have one.")
    (section,) = texts(ParentRetrieve(tokens=30), GUIDE, [hit])
    assert section.startswith("Warranty\n")
    assert section.endswith("Ask by mail.")
    assert texts(ParentRetrieve(tokens=500), GUIDE, [hit]) == [GUIDE.text.strip()]


def test_a_section_that_ends_with_the_one_around_it_may_become_it() -> None:
    document = markdown("# One\n\nFirst here.\n\n## Two\n\nSecond here.\n\n# Three\n\n" + "word " * 99)
    (section,) = texts(ParentRetrieve(tokens=20), document, [sentence(document, "Second here.")])
    assert section.split() == ["One", "First", "here.", "Two", "Second", "here."]


def test_a_parent_stands_under_its_own_headings() -> None:
    (hit,) = grown(
        ParentRetrieve(tokens=30), Around(GUIDE), ranking_of([sentence(GUIDE, "Ask by mail.")])
    ).hits
    assert hit.chunk.headings == ("Guide", "Warranty")


def test_scores_of_hits_that_become_one_are_the_best_or_their_sum() -> None:
    hits = [sentence(GUIDE, text) for text in ("Она длится два года.", "Ask by mail.", "Glass has none.")]
    best = grown(ParentRetrieve(tokens=40), Around(GUIDE), ranking_of(hits)).hits
    total = grown(ParentRetrieve(tokens=40, score="sum"), Around(GUIDE), ranking_of(hits)).hits
    assert [hit.score for hit in best] == [1.0, 0.5]
    assert [hit.score for hit in total] == pytest.approx([1.0, 1 / 2 + 1 / 3])


def test_pieces_of_a_long_text_lie_side_by_side_and_end_with_sentences() -> None:
    document = Document("long", " ".join(f"This is sentence number {n} of many." for n in range(400)))
    outline = Outline(document, tokens=120)
    words = [Span(at, at + 1) for at, c in enumerate(document.text) if c.isalnum()]
    pieces = sorted({outline.parents(word)[-1] for word in words[::60]})
    assert len(pieces) > 10
    assert all(document.text[piece.end - 1] == "." for piece in pieces)
    assert all(not document.text[a.end : b.start].strip() and a.end <= b.start for a, b in pairwise(pieces))
    assert all(count_tokens(piece.of(document.text)) <= 120 for piece in pieces)


# --- auto-merge -----------------------------------------------------------------------------------


def test_hits_become_their_section_where_they_are_most_of_it() -> None:
    found = [
        sentence(GUIDE, text) for text in ("It lasts two years.", "Batteries have one.", "Glass has none.")
    ]
    alone = sentence(GUIDE, "Пишите нам.")
    merged = texts(AutoMergeRetrieve(tokens=40, share=0.5), GUIDE, [*found, alone])
    assert len(merged) == 2
    assert merged[0].startswith("Warranty")
    assert merged[1] == "Пишите нам."


def test_hits_stay_where_their_section_was_hardly_found() -> None:
    found = [sentence(GUIDE, text) for text in ("It lasts two years.", "Glass has none.")]
    assert texts(AutoMergeRetrieve(tokens=40, share=0.9), GUIDE, found) == [one.text for one in found]


def test_what_meets_a_hit_that_overlaps_another_takes_both_and_no_text_is_given_twice() -> None:
    text = "".join(chr(97 + n % 26) if n % 7 else " " for n in range(1000))
    starts = [0, 120, 300, 1000]
    sections = tuple(Section("s", span=Span(a, b), level=1) for a, b in pairwise(starts))
    document = Document("d", text, sections=sections)
    found = [
        Chunk(f"{a:032x}", "d", span=Span(a, b), text=text[a:b], ordinal=a)
        for a, b in ((75, 100), (90, 140), (130, 290))
    ]
    after = grown(AutoMergeRetrieve(tokens=150), Around(document), ranking_of(found))
    assert [hit.chunk.span for hit in after.hits] == [Span(75, 300)]


@pytest.mark.parametrize("stage", [ParentRetrieve(tokens=100), AutoMergeRetrieve(tokens=100)])
def test_a_thousand_hits_in_a_document_of_many_sections_take_a_moment(stage: Growth) -> None:
    page = "Heading\n\nThis is a sentence. Another one says more of it.\n\n"
    n = 20_000
    sections = tuple(
        Section("Heading", span=Span(at, at + len(page)), level=1)
        for at in range(0, n * len(page), len(page))
    )
    document = Document("big", page * n, sections=sections)
    found = []
    for at in range(20, n * len(page), 20 * len(page)):
        span = Span(at, at + 30)
        found.append(Chunk(f"{at:032x}", "big", span=span, text=span.of(document.text), ordinal=at))
    before = perf_counter()
    after = grown(stage, Around(document), ranking_of(found))
    assert perf_counter() - before < 6.0
    assert all(contains(hit.chunk.span, one.span) for hit, one in zip(after.hits, found, strict=True))
    assert {hit.chunk.headings for hit in after.hits} == {("Heading",)}


# --- what may be seen -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stage", [WindowRetrieve(sentences=9), ParentRetrieve(), AutoMergeRetrieve(share=0.01)]
)
def test_nothing_grows_into_what_is_not_shown(stage: Growth) -> None:
    hit, last = sentence(GUIDE, "Batteries have one."), GUIDE.text.index("Glass")
    collection = Around(GUIDE, shown={GUIDE.id: Span(hit.span.start, last)})
    (got,) = grown(stage, collection, ranking_of([hit])).hits
    assert got.chunk.text.strip() == hit.text


def test_a_hit_whose_document_is_gone_stays_and_the_trace_says_so() -> None:
    stage, ctx, chunks = WindowRetrieve(), run_context(), cut(GUIDE)
    stage.setup(Resources(Around()))
    ranking = ranking_of(chunks)
    assert stage.run(ranking, ctx) == ranking
    assert ctx.trace.facts["not_grown"] == [chunk.id for chunk in chunks]


def test_a_passage_over_two_pages_knows_the_page_of_each_place() -> None:
    text = "One is here. Two is here. Three is here."
    pages = (Span(0, 13), Span(13, 26), Span(26, 40))
    document = Document("a.pdf", text, pages=pages)
    (hit,) = grown(
        WindowRetrieve(sentences=1), Around(document), ranking_of([sentence(document, "Two is here.")])
    ).hits
    assert [hit.chunk.page_at(text.index(word)) for word in ("One", "Two", "Three")] == [1, 2, 3]
    assert hit.chunk.page_at(12) == 1
    assert hit.chunk.page_at(13) == 2


# --- for any document -----------------------------------------------------------------------------

LINES = st.sampled_from(
    [
        "# One", "## Two", "### Три", "", "A sentence. And another! A third?", "Это предложение. И ещё одно.",
        "| a | b |", "```", "x = f(1)", "- item one", "\x00", "中文没有空格。第二句。", "word " * 60,
        "é" * 300,
    ]
)  # fmt: skip
STAGES = st.one_of(
    st.builds(WindowRetrieve, sentences=st.integers(0, 6), tokens=st.none() | st.integers(0, 60)),
    st.builds(ParentRetrieve, tokens=st.integers(16, 200)),
    st.builds(AutoMergeRetrieve, tokens=st.integers(16, 200), share=st.sampled_from([0.1, 0.5, 1.0])),
)


@st.composite
def found(draw: st.DrawFn) -> tuple[Document, list[Chunk]]:
    document = markdown("\n".join(draw(st.lists(LINES, min_size=1, max_size=30))))
    chunks = cut(document, draw(st.integers(8, 40)))
    return document, draw(st.lists(st.sampled_from(chunks), unique_by=lambda one: one.id)) if chunks else []


@settings(max_examples=scaled(2_000, part=40), deadline=None)
@given(stage=STAGES, given=found(), score=st.sampled_from(["best", "sum"]))
def test_what_holds_of_any_document(stage: Any, given: tuple[Document, list[Chunk]], score: str) -> None:
    document, chunks = given
    stage = type(stage)(**{**stage.config.as_keywords(), "score": score})
    ranking = ranking_of(chunks)
    after = grown(stage, Around(document), ranking)
    spans = [hit.chunk.span for hit in after.hits]
    assert all(hit.chunk.text == hit.chunk.span.of(document.text) for hit in after.hits)
    # Nothing that was found is lost, nothing is given twice, nothing is made up.
    assert all(any(contains(span, chunk.span) for span in spans) for chunk in chunks)
    assert covered(spans) == sum(map(len, spans))
    assert {hit.chunk.id for hit in after.hits} <= {chunk.id for chunk in chunks}
    assert sorted((hit.score for hit in after.hits), reverse=True) == [hit.score for hit in after.hits]
    assert grown(stage, Around(document), ranking) == after
    if not isinstance(stage, WindowRetrieve):
        again = grown(stage, Around(document), after)
        assert {hit.chunk.span for hit in again.hits} == set(spans)


@pytest.mark.parametrize(
    "text",
    ["", " " * 500_000 + "end", "x" * 500_000, "a = 1\n" * 80_000, "| a | b |\n" * 50_000, "\x00" * 100_000],
    ids=["nothing around", "blank", "one word", "code", "table", "nul"],
)
@pytest.mark.parametrize("stage", [WindowRetrieve(sentences=40), ParentRetrieve(), AutoMergeRetrieve()])
def test_documents_that_are_no_prose(stage: Growth, text: str) -> None:
    document = Document("odd", f"Found here. {text}")
    hit = Chunk("0" * 32, "odd", span=Span(0, 11), text="Found here.", ordinal=0)
    (got,) = grown(stage, Around(document), ranking_of([hit])).hits
    assert got.chunk.text == got.chunk.span.of(document.text)
    assert got.chunk.span.start == 0
    assert not isinstance(stage, ParentRetrieve) or count_tokens(got.chunk.text) <= 800
