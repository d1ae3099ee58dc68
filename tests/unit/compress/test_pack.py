"""A budget that is filled and never exceeded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.compress.pack import Pack
from ragkit.models.token_count import counter
from ragkit.text.fence import FRAME_TOKENS, source_of
from ragkit.types import Chunk, Context, Hit, Passage, QueryPlan, Span
from tests.scale import scaled
from tests.unit.making import chunk, context, run_context
from tests.unit.stand_ins import WordsOnly

COUNT = counter(None)
LONG = "The warranty lasts two years. Batteries have one year. Glass has none at all."
SHORT = "Ask by mail."
RUSSIAN = "Гарантия длится два года. На батареи — год. На стекло её нет."


def packed(given: Context, budget: int, **more: object) -> tuple[list[str], list[str]]:
    """The texts that are left, and what was lost of the answer's quality."""
    stage, ctx = Pack(budget_tokens=budget, **more), run_context()
    stage.setup(WordsOnly())
    return [passage.text for passage in stage.run(given, ctx).passages], ctx.degraded


def test_what_fits_is_left_as_it_is() -> None:
    both = context("?", chunk("a", LONG), chunk("b", SHORT))
    assert packed(both, COUNT(LONG) + COUNT(SHORT)) == ([LONG, SHORT], [])


@pytest.mark.parametrize(
    ("text", "first"), [(LONG, "The warranty lasts two years."), (RUSSIAN, "Гарантия длится два года.")]
)
def test_the_first_that_does_not_fit_is_cut_after_a_sentence(text: str, first: str) -> None:
    assert packed(context("?", chunk("a", text)), COUNT(first)) == ([first], [])
    assert packed(context("?", chunk("a", text)), COUNT(first) + 1) == ([first], [])


def test_what_is_cut_keeps_the_sentence_that_was_asked_for() -> None:
    middle = "Batteries have one year."
    assert packed(context("How long for batteries?", chunk("a", LONG)), COUNT(middle)) == ([middle], [])
    both = "Batteries have one year. Glass has none at all."
    assert packed(context("How long for batteries?", chunk("a", LONG)), COUNT(both)) == ([both], [])


def test_one_further_down_that_fits_fills_what_is_left() -> None:
    given = context("?", chunk("a", LONG), chunk("b", LONG, start=500), chunk("c", SHORT, start=900))
    texts, _ = packed(given, COUNT(LONG) + COUNT(SHORT))
    assert texts == [LONG, SHORT]


def test_passages_are_chosen_by_score_and_keep_their_places() -> None:
    low, high = Hit(chunk("a", LONG), 0.1), Hit(chunk("b", SHORT, start=200), 0.9)
    given = Context(QueryPlan.of("?"), tuple(Passage(hit, (hit.chunk.span,)) for hit in (low, high)))
    assert packed(given, COUNT(SHORT))[0] == [SHORT]
    assert packed(given, 1000)[0] == [LONG, SHORT]


def test_where_no_sentence_fits_words_are_kept() -> None:
    (text,), degraded = packed(context("?", chunk("a", LONG)), COUNT("The warranty lasts"))
    assert text == "The warranty lasts"
    assert degraded == ["node: budget_tokens is too small for a sentence of the best passage"]


def test_a_budget_for_nothing_is_not_taken_for_nothing_found() -> None:
    texts, degraded = packed(context("?", chunk("a", "Hexakosioihexekontahexaphobia is rare.")), 1)
    assert texts == []
    assert degraded == ["node: budget_tokens is too small for any passage"]
    assert packed(Context(QueryPlan.of("?"), ()), 1) == ([], [])


def test_what_a_model_is_shown_around_a_passage_counts_where_it_is_told_to() -> None:
    given = context("?", chunk("a", SHORT))
    needed = COUNT(SHORT) + COUNT(source_of(given.passages[0])) + FRAME_TOKENS
    assert packed(given, needed, framed=True)[0] == [SHORT]
    assert packed(given, needed - 1, framed=True)[0] != [SHORT]


def test_what_is_counted_to_cut_a_long_passage_grows_with_it_and_not_with_its_square() -> None:
    text = "".join(f"This is sentence number {n} of many. " for n in range(3_000))
    stage, counted = Pack(budget_tokens=15_000), 0
    stage.setup(WordsOnly())

    def count(told: str) -> int:
        nonlocal counted
        counted += len(told)
        return COUNT(told)

    stage.count = count
    (kept,) = stage.run(context("?", chunk("a", text)), run_context()).passages
    assert 14_900 < COUNT(kept.text) <= 15_000
    assert counted < 30 * len(text)


PIECES = st.sampled_from(
    [
        "A sentence. ",
        "Предложение. ",
        "| a | b |\n",
        "x = 1\n\n",
        "word ",
        "\x00",
        "é" * 40,
        "中文。",
        "\n\n",
        "«",
        "🙂",
    ]
)


@settings(max_examples=scaled(1_000), deadline=None)
@given(
    texts=st.lists(st.lists(PIECES, min_size=1, max_size=20).map("".join), max_size=5),
    budget=st.integers(1, 120),
    framed=st.booleans(),
)
def test_no_budget_is_ever_exceeded(texts: list[str], budget: int, framed: bool) -> None:
    chunks: list[Chunk] = [chunk(str(n), text, start=1000 * n) for n, text in enumerate(texts)]
    stage = Pack(budget_tokens=budget, framed=framed)
    stage.setup(WordsOnly())
    done = stage.run(context("?", *chunks), run_context())
    frames = [COUNT(source_of(p)) + FRAME_TOKENS if framed else 0 for p in done.passages]
    assert sum(COUNT(p.text) for p in done.passages) + sum(frames) <= budget
    for passage in done.passages:
        whole = passage.chunk.span
        assert all(whole.start <= s.start < s.end <= whole.end for s in passage.keep)
    assert stage.run(done, run_context()) == done
    assert [Span(p.keep[0].start, p.keep[0].start) for p in done.passages] == sorted(
        Span(p.keep[0].start, p.keep[0].start) for p in done.passages
    )
