"""Token counts and spans that a chunker can cut by."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.models.embedder import BUNDLED
from ragkit.models.tokenizer import TextTokenizer

any_text = st.text(st.characters(exclude_categories=[]), max_size=300)


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    return TextTokenizer(BUNDLED / "tokenizer.json")


def test_spans_are_characters_of_the_text(tokenizer: TextTokenizer) -> None:
    text = "Naïve unbelievable 日本 — Ёж 🙂 end"
    pieces = [text[start:end] for start, end in tokenizer.spans(text)]
    assert pieces == ["Naïve", "unbelievable", "日", "本", "—", "Ё", "ж", "🙂", "end"]


def test_a_lone_surrogate_does_not_move_the_spans(tokenizer: TextTokenizer) -> None:
    text = "one \ud83d two"
    assert [text[start:end] for start, end in tokenizer.spans(text)] == ["one", "two"]


@settings(max_examples=150, deadline=None)
@given(text=any_text)
def test_spans_are_ordered_and_counted(tokenizer: TextTokenizer, text: str) -> None:
    spans = tokenizer.spans(text)
    assert tokenizer.count([text]) == [len(spans)]
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert all(one[0] <= other[0] for one, other in pairwise(spans))


def test_a_count_has_neither_cut_nor_special_tokens(tokenizer: TextTokenizer) -> None:
    assert tokenizer.count(["", "word", "word " * 1000]) == [0, 1, 1000]


def test_ids_carry_the_special_tokens_and_lose_only_the_end(tokenizer: TextTokenizer) -> None:
    start, end, word = 101, 102, 2773
    short, long = tokenizer.encode(["word", "word " * 9], max_tokens=5)
    assert short == [start, word, end]
    assert long == [start, word, word, word, end]


def test_no_texts_give_no_ids(tokenizer: TextTokenizer) -> None:
    assert tokenizer.encode([], max_tokens=5) == []
