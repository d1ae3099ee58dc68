"""Compression selects spans and never rewrites; what it keeps is what bears on the question."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.compress.extractive import ExtractiveCompress
from ragkit.compress.scoring import MOST_EMBEDDED
from ragkit.errors import ConfigError, ModelError
from ragkit.protocols import TextKind, Vectors
from ragkit.text.tokens import count_tokens
from ragkit.types import Chunk, Context, Hit, QueryPlan, Ranking
from tests.unit.making import chunk, context, run_context
from tests.unit.stand_ins import Wordless, WordsOnly

FILLER = "The office kitchen has a new kettle. Lunch is served at noon. The lift is inspected in spring. "
FACT = "The warranty of a scanner lasts 24 months."
LONG = FILLER * 8 + FACT + " " + FILLER * 8


def compress(given_context: Context, budget_tokens: int) -> Context:
    stage = ExtractiveCompress(budget_tokens=budget_tokens)
    stage.setup(WordsOnly())
    return stage.run(given_context, run_context())


def texts(made: Context) -> list[str]:
    return [passage.text for passage in made.passages]


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


def test_the_sentence_after_the_subject_is_named_is_kept_before_others() -> None:
    text = f"{FILLER * 4}The warranty covers a scanner. It lasts long. {FILLER * 4}"
    assert texts(compress(context("How is the warranty of a scanner?", chunk("a", text)), 12)) == [
        "The warranty covers a scanner. It lasts long."
    ]


def test_a_sentence_with_a_number_is_kept_where_one_is_asked_for() -> None:
    text = f"The warranty of a scanner is long. {FACT} The warranty of a scanner is good. {FILLER * 5}"
    made = compress(context("How many months is the warranty of a scanner?", chunk("a", text)), 10)
    assert texts(made) == [FACT]


def test_of_equal_sentences_the_better_passage_counts_wherever_it_stands() -> None:
    worse, best = chunk("a", f"{FACT} {FILLER}"), chunk("b", f"{FACT} {FILLER}")
    hits = (Hit(worse, 0.2), Hit(best, 0.9))
    given_context = Context.of(Ranking(QueryPlan.of("How long is the warranty of a scanner?"), hits))
    made = compress(given_context, 10)
    assert [p.chunk.id[0] for p in made.passages] == ["b"]


class Reader:
    """A reranker that likes one word."""

    name = "reader"
    languages = frozenset({"en"})

    def __init__(self, word: str, otherwise: float = 0.0) -> None:
        self.word, self.otherwise = word, otherwise
        self.read: list[str] = []

    def score(self, query: str, texts: Sequence[str]) -> Vectors:
        self.read += texts
        return np.array([9.0 if self.word in t else self.otherwise for t in texts], dtype=np.float32)


def test_a_reranker_finds_what_shares_no_word() -> None:
    given_context = context("How long is it covered?", chunk("a", LONG, heading="Scanners"))
    stage = ExtractiveCompress(budget_tokens=12, score="rerank", model=Reader("24 months"))
    stage.setup(WordsOnly())
    assert texts(stage.run(given_context, run_context())) == [FACT]
    assert stage.model.read[0] == "Scanners\nThe office kitchen has a new kettle."  # type: ignore[union-attr]


def test_a_language_that_the_reranker_does_not_know_is_judged_by_words() -> None:
    model, ctx = Reader("полдень"), run_context()
    stage = ExtractiveCompress(budget_tokens=12, score="rerank", model=model)
    stage.setup(WordsOnly())
    text = "Обед подают в полдень. Гарантия на сканер длится два года. Лифт проверяют весной."
    made = stage.run(context("Сколько длится гарантия на сканер?", chunk("a", text * 3)), ctx)
    assert "Гарантия на сканер" in made.passages[0].text
    assert (model.read, ctx.trace.facts["score"]) == ([], "words")


def test_a_reranker_that_gives_no_numbers_is_an_error() -> None:
    stage = ExtractiveCompress(budget_tokens=12, score="rerank", model=Reader("x", math.nan))
    stage.setup(WordsOnly())
    with pytest.raises(ModelError, match=r"not a number.*score: words"):
        stage.run(context("How long is it covered?", chunk("a", LONG)), run_context())


class Embeds(Wordless):
    """A collection whose embedder knows one meaning: how long something is covered."""

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def knows(self, text: str) -> bool:
        return "?" in text

    def embed(self, texts: Sequence[str], kind: TextKind) -> Vectors:
        self.embedded += texts
        return np.array(
            [[1.0, 0.0] if "cover" in t or "months" in t else [0.0, 1.0] for t in texts], np.float32
        )


class WithEmbedder(WordsOnly):
    """Resources over such a collection."""

    def __init__(self) -> None:
        self.embeds = Embeds()

    @property
    def collection(self) -> Embeds:
        return self.embeds


def test_the_embedder_finds_what_shares_no_word_and_reads_no_more_than_it_must() -> None:
    resources, stage = WithEmbedder(), ExtractiveCompress(budget_tokens=10, score="embed")
    stage.setup(resources)
    given_context = context("How long is it covered?", chunk("a", f"{FACT} {FILLER * 30}"))
    assert texts(stage.run(given_context, run_context())) == [FACT]
    assert len(resources.embeds.embedded) == MOST_EMBEDDED + 1


def test_by_default_no_model_is_asked() -> None:
    resources, stage = WithEmbedder(), ExtractiveCompress(budget_tokens=12)
    stage.setup(resources)
    stage.run(context("How long is it covered?", chunk("a", LONG)), run_context())
    assert resources.embeds.embedded == []


@pytest.mark.parametrize(
    "given_settings", [{"score": "rerank"}, {"model": "rerank"}, {"score": "embed", "model": "x"}]
)
def test_a_reranker_goes_with_its_score(given_settings: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="go together"):
        ExtractiveCompress(**given_settings)
