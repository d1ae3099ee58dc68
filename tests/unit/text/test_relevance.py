"""Sentences judged by words alone, on sums that can be checked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ragkit.text.relevance import PASSAGE_SHARE, Candidate, coverage, emphasised, judged, kept_sentences
from ragkit.types import Passage, QueryPlan, Span
from tests.unit.making import chunk, context
from tests.unit.stand_ins import Wordless

PAGE = chunk("a", "The warranty lasts a year. Lunch is at noon.", start=10, heading="Scanner")


def scores(question: str, passage: Passage) -> list[float]:
    collection = Wordless()
    candidates = [Candidate(s, passage) for s in kept_sentences(passage, collection)]
    return [float(score) for score in judged(QueryPlan.of(question), candidates, collection)]


def whole(page: str = "warranty") -> Passage:
    return context(page, PAGE).passages[0]


def test_a_term_in_the_heading_counts_half() -> None:
    weights = {"warranti": 3.0, "scanner": 1.0}
    assert coverage(weights, frozenset({"warranti"}), frozenset({"scanner"})) == pytest.approx(3.5 / 4)
    assert coverage(weights, frozenset({"warranti", "scanner"}), frozenset({"scanner"})) == 1.0
    assert coverage({}, frozenset({"x"}), frozenset()) == 0.0


def test_a_term_with_a_digit_weighs_double() -> None:
    assert emphasised({"3.1": 2.0, "version": 2.0}) == {"3.1": 4.0, "version": 2.0}


def test_the_sentence_with_the_words_wins_and_the_passage_counts() -> None:
    warranty, lunch = scores("warranty scanner", whole())
    # One of two terms stands in the sentence, the other in the heading; the passage's score is 1.
    assert warranty == pytest.approx((1 - PASSAGE_SHARE) * 0.75 + PASSAGE_SHARE)
    assert lunch == pytest.approx((1 - PASSAGE_SHARE) * 0.25 + PASSAGE_SHARE)


def test_a_question_for_a_number_holds_back_sentences_without_one() -> None:
    plain, _ = scores("warranty scanner", whole())
    asked, _ = scores("how many warranty scanner", whole())
    assert asked < plain


def test_a_word_from_the_turns_before_counts_half_of_one_that_the_question_says() -> None:
    plan = replace(QueryPlan.of("And lunch?"), standalone="warranty lunch")
    collection = Wordless()
    candidates = [Candidate(s, whole()) for s in kept_sentences(whole(), collection)]
    warranty, lunch = (float(score) for score in judged(plan, candidates, collection))
    assert warranty == pytest.approx((1 - PASSAGE_SHARE) / 3 + PASSAGE_SHARE)
    assert lunch == pytest.approx((1 - PASSAGE_SHARE) * 2 / 3 + PASSAGE_SHARE)


def test_only_what_is_kept_of_a_passage_is_judged() -> None:
    cut = Passage(whole().hit, (Span(10, 36),))
    assert [s.text for s in kept_sentences(cut, Wordless())] == ["The warranty lasts a year."]
    assert kept_sentences(Passage(whole().hit, (Span(10, 20),)), Wordless()) == []
