"""The algebra of spans against sets of positions, and quotes found in their source."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.text.spans import contains, covered, find_quote, gaps, intersect, merge
from ragkit.types import Span

SPANS = st.builds(lambda a, b: Span(min(a, b), max(a, b)), st.integers(0, 30), st.integers(0, 30))


def positions(*spans: Span) -> set[int]:
    return {at for span in spans for at in range(span.start, span.end)}


@given(st.lists(SPANS, max_size=8))
def test_merging_keeps_the_characters_in_separate_spans(spans: list[Span]) -> None:
    merged = merge(spans)
    assert positions(*merged) == positions(*spans)
    assert all(a.end < b.start for a, b in itertools.pairwise(merged))
    assert covered(spans) == len(positions(*spans))


@given(SPANS, SPANS)
def test_intersection_and_containment_agree_with_sets(a: Span, b: Span) -> None:
    common = intersect(a, b)
    assert (positions(common) if common else set()) == positions(a) & positions(b)
    if len(b):
        assert contains(a, b) == (positions(b) <= positions(a))


@given(st.lists(SPANS, max_size=6), SPANS)
def test_gaps_are_what_is_left(spans: list[Span], within: Span) -> None:
    assert positions(*gaps(spans, within)) == positions(within) - positions(*spans)


def test_merging_can_close_small_gaps() -> None:
    assert merge([Span(0, 2), Span(4, 5), Span(9, 10)], gap=2) == [Span(0, 5), Span(9, 10)]


@pytest.mark.parametrize(
    ("source", "quote", "found"),
    [
        ("The fee is 12 % a year.", "12 %", "12 %"),
        ("The fee is 12\u00a0% a year.", "fee is 12%", "fee is 12\u00a0%"),
        ("The fee is 12% a year.", "12 %", "12%"),
        ("He said “Go home.” Then", 'said "Go home."', "said “Go home.”"),
        ("He said “Go home.” Then", "'Go home.'", "“Go home.”"),
        ("Срок — 14 дней", "СРОК - 14 дней", "Срок — 14 дней"),
        ("Ещё\n  раз", "еще раз", "Ещё\n  раз"),
        ("a co\u00adop\u200berate b", "cooperate", "co\u00adop\u200berate"),
        ("years 2019–2020", "2019-2020", "2019–2020"),
        ("years 2019–2020", "2019", "2019"),
        ("one two", " two \n", "two"),
        ("x=5; y", "x=5;", "x=5;"),
        ("ﬁne text", "fine", "ﬁne"),
        ("aa a", "a", "a"),
    ],
)
def test_finds_a_quote_in_other_typography(source: str, quote: str, found: str) -> None:
    span = find_quote(source, quote)
    assert span is not None
    assert span.of(source) == found


@pytest.mark.parametrize(
    ("source", "quote"),
    [
        ("The fee is 87 %.", "12 %"),
        ("The fee is 87 %.", "7 %"),
        ("The fee is 112 %.", "12 %"),
        ("The fee is 3.12 %.", "12 %"),
        ("It is 3.14", "3.1"),
        ("It is 12.5", "12"),
        ("It is 1,200", "200"),
        ("It is -12 degrees", "12 degrees"),
        ("It is −12 degrees", "12 degrees"),
        ("It is 10²", "102"),
        ("the rapist", "therapist"),
        ("therapist", "the rapist"),
        ("unhappy people", "happy people"),
        ("is not allowed", "is allowed"),
        ("at 10:45", "at 10"),
        ("snake_case", "snake"),
        ("text", ""),
        ("text", " \n"),
        ("text", "''"),
        ("", "text"),
    ],
)
def test_never_finds_other_words_or_numbers(source: str, quote: str) -> None:
    assert find_quote(source, quote) is None


def test_the_exact_place_is_preferred_over_an_earlier_similar_one() -> None:
    assert find_quote("Go Home. go home.", "go home.") == Span(9, 17)


@given(
    st.text(st.sampled_from("ab1 .,-«»ё\u00ad\u00a0\n"), max_size=30), st.integers(0, 30), st.integers(0, 30)
)
def test_a_found_quote_has_the_letters_and_digits_of_the_needle(source: str, a: int, b: int) -> None:
    needle = source[min(a, b) : max(a, b)].upper()
    span = find_quote(source, needle)
    if span is not None:
        wanted = [c for c in needle.casefold().replace("ё", "е") if c.isalnum()]
        assert [c for c in span.of(source).casefold().replace("ё", "е") if c.isalnum()] == wanted


@given(
    st.lists(st.sampled_from(["word", "Слово", "12", "3.5", "«да»", "x-y"]), min_size=1, max_size=8),
    st.data(),
)
def test_any_run_of_words_is_found_with_changed_case_and_spaces(
    words: list[str], data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    span = find_quote(" ".join(words), "\u00a0\n ".join(words[first : last + 1]).upper())
    assert span is not None
    assert span.of(" ".join(words)).strip("«»") == " ".join(words[first : last + 1]).strip("«»")


@pytest.mark.parametrize(
    ("source", "quote"),
    [
        ("1" * 10**6, "1" * 500_000),
        ("1 " * 500_000, "1 " * 250_000 + "2"),
        (" " * 10**6, "a"),
        ("-1 " * 300_000, "1"),
    ],
)
def test_hostile_texts_take_linear_time(source: str, quote: str) -> None:
    began = time.process_time()
    assert find_quote(source, quote) is None
    assert time.process_time() - began < 15
