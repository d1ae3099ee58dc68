"""Compression selects spans and never rewrites; what it keeps is what bears on the question."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.compress.extractive import ExtractiveCompress
from ragkit.errors import ConfigError
from ragkit.text.tokens import count_tokens
from ragkit.types import Chunk, Context
from tests.unit.making import chunk, context, run_context
from tests.unit.stand_ins import WordsOnly

FILLER = "The office kitchen has a new kettle. Lunch is served at noon. The lift is inspected in spring. "
FACT = "The warranty of a scanner lasts 24 months."
LONG = FILLER * 8 + FACT + " " + FILLER * 8


def compress(given_context: Context, budget_tokens: int) -> Context:
    stage = ExtractiveCompress(budget_tokens=budget_tokens)
    stage.setup(WordsOnly())
    return stage.run(given_context, run_context())


def test_a_context_that_fits_is_left_alone() -> None:
    small = context("How long is the warranty?", chunk("a", FACT))
    assert compress(small, 100) is small


def test_the_sentence_that_answers_is_kept() -> None:
    made = compress(context("How long is the warranty of a scanner?", chunk("a", LONG, start=40)), 60)
    assert FACT in made.passages[0].text
    # Sentences are counted one by one, and an estimate of the whole may differ by rounding.
    assert sum(count_tokens(t) for p in made.passages for t in p.texts()) <= 62


def test_a_passage_of_which_nothing_is_kept_disappears() -> None:
    made = compress(
        context("How long is the warranty of a scanner?", chunk("a", FILLER * 8), chunk("b", FACT)), 10
    )
    assert [p.chunk.id[0] for p in made.passages] == ["b"]


def test_the_best_sentence_is_kept_even_over_budget() -> None:
    made = compress(context("warranty of a scanner", chunk("a", LONG)), 1)
    assert [p.text for p in made.passages] == [FACT]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([FACT, "Noon.", "A kettle boils!", "\n\n", "Что это?"]), min_size=1)),
    st.integers(1, 60),
)
def test_what_is_kept_stands_in_the_document(parts: list[list[str]], budget_tokens: int) -> None:
    chunks: list[Chunk] = []
    for n, sentences in enumerate(parts[:5]):
        text = " ".join(sentences).strip()
        if text:
            chunks.append(chunk("abcde"[n], text, start=7 * n))
    made = compress(context("How long is the warranty?", *chunks), budget_tokens)
    by_id = {c.id: c for c in chunks}
    for passage in made.passages:
        whole = by_id[passage.chunk.id]
        ends = -1
        for span, text in zip(passage.keep, passage.texts(), strict=True):
            assert whole.span.start <= span.start < span.end <= whole.span.end
            assert span.start > ends
            ends = span.end
            assert span.shift(-whole.span.start).of(whole.text) == text


@pytest.mark.parametrize("budget", [0, -5])
def test_a_budget_must_be_positive(budget: int) -> None:
    with pytest.raises(ConfigError, match="budget_tokens"):
        ExtractiveCompress(budget_tokens=budget)
