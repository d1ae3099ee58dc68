"""Word spans and the estimate of model tokens."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.text.tokens import count_tokens, word_spans


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't panic: v1.2!", ["Don't", "panic", "v1.2"]),
        ("state-of-the-art, max_length.", ["state-of-the-art", "max_length"]),
        ("Ёлка и «снег»", ["Ёлка", "и", "снег"]),
        ("用FastAPI框架", ["用", "FastAPI", "框", "架"]),
        ("किताबें पढ़ो", ["किताबें", "पढ़ो"]),
        ("", []),
        (" .,! ", []),
    ],
)
def test_word_spans_by_hand(text: str, words: list[str]) -> None:
    assert [span.of(text) for span in word_spans(text)] == words


@given(st.text(max_size=100))
def test_word_spans_are_in_order_and_hold_every_letter_and_digit(text: str) -> None:
    spans = word_spans(text)
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
    inside = {at for span in spans for at in range(span.start, span.end)}
    assert all(at in inside for at, c in enumerate(text) if c.isalnum())


# Counted with the cl100k_base vocabulary of tiktoken 0.14.
@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (
            "The return period is fourteen days from the delivery date, and "
            "the buyer pays for the return shipment.",
            20,
        ),
        (
            "Покупатель вправе вернуть товар надлежащего качества в течение "
            "четырнадцати дней, не считая дня покупки.",
            50,
        ),
        (
            "Declare `q: str | None = Query(default=None, max_length=50)` in the path operation function.",
            23,
        ),
        (
            "La política de devoluciones permite cambiar el producto dentro "
            "de los treinta días posteriores a la compra.",
            22,
        ),
        ("Revenue grew by 12.5 % to $1,234,567 in 2023, compared with $1,097,393 in 2022.", 33),
        ("今天天气很好，我们去公园散步吧。", 20),
        ("Команда собрала данные за 2019–2023 годы и сравнила показатели 15 регионов.", 36),
    ],
)
def test_the_estimate_is_near_the_count_of_a_real_tokenizer(text: str, tokens: int) -> None:
    assert abs(count_tokens(text) - tokens) <= max(2, 0.2 * tokens)


def test_no_visible_text_has_no_tokens() -> None:
    assert count_tokens("") == count_tokens(" \n\t") == 0


@given(st.text(max_size=80))
def test_a_visible_text_has_between_one_token_and_a_few_per_character(text: str) -> None:
    if text.strip():
        assert 1 <= count_tokens(text) <= 2 * len(text) + 1


@given(st.lists(st.sampled_from(["word", "слово", "12", "字", ". "]), max_size=10))
def test_a_longer_text_has_at_least_as_many_tokens(words: list[str]) -> None:
    counts = [count_tokens(" ".join(words[:n])) for n in range(len(words) + 1)]
    assert counts == sorted(counts)


def test_encoded_data_is_not_taken_for_one_long_word() -> None:
    assert count_tokens("QmFzZUVuY29kZWREYXRhV2l0aE5vU3BhY2VzQW5kTGV0dGVycw" * 4) > 60


def test_a_megabyte_takes_linear_time() -> None:
    began = time.process_time()
    for text in ("a" * 10**6, "a " * 500_000, ".-" * 500_000, "я" * 10**6, "\n" * 10**6):
        count_tokens(text)
        word_spans(text)
    assert time.process_time() - began < 20
