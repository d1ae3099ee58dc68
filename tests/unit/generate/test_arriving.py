"""A reply that comes in pieces: whatever they are, what is told is a beginning of the answer."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.chat import Completion
from ragkit.generate.arriving import Arriving
from ragkit.generate.reply import NO_ANSWER, read_reply

REPLIES = (
    "It lasts two years. [1] It starts on delivery [2, 3].",
    "<think>The passages say [1] two.</think>\n\nIt lasts **two** years. [1]\n",
    "<Thinking>\nHm.\n</Thinking>Два года. [1]",
    "<thoughtful> It lasts two years. [1]",
    "No. NO ONE ANSWERS [1] NOT EVEN (N) in passages.",
    f"It lasts two years. [1] {NO_ANSWER}.",
    f"It lasts two years. [1] **{NO_ANSWER}** It starts. [2]",
    "Гарантия составляет 24 месяца 【1†source】. Она «начинается» с поставки [источник 2].",
    "A [link](https://a.b/c) and `a[1]` and [an open one that goes on for more than forty characters. [1]",
    "- One [1]\n- Two [2]\n\n| a | b |\n|---|---|\n| 1 | 2 [3] |",
)
ABSTENTIONS = (
    NO_ANSWER,
    f"**{NO_ANSWER}**",
    f"_{NO_ANSWER.replace('_', ' ')}_.",
    f"<think>No.</think>\n{NO_ANSWER}. The passages speak of other things. [1]",
)


def whole(text: str) -> Completion:
    return Completion(text, model="m", finish_reason="stop")


def told(text: str, cuts: list[int]) -> list[str]:
    arriving = Arriving()
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    pieces = [arriving.take(text[a:b]) for a, b in pairwise(places)]
    return [*pieces, arriving.rest(read_reply(whole(text)).text)]


@given(st.sampled_from(REPLIES), st.lists(st.integers(0, 200), max_size=60))
def test_all_pieces_joined_are_the_answer(text: str, cuts: list[int]) -> None:
    assert "".join(told(text, cuts)) == read_reply(whole(text)).text


@given(st.text(alphabet="N<>tO_ [1]*.aд\n", max_size=60), st.lists(st.integers(0, 60), max_size=20))
def test_what_was_told_is_never_other_than_the_beginning(text: str, cuts: list[int]) -> None:
    arriving = Arriving()
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    so_far = "".join(arriving.take(text[a:b]) for a, b in pairwise(places))
    assert text.replace(NO_ANSWER, "").strip().startswith(so_far)


@pytest.mark.parametrize("text", ABSTENTIONS)
def test_of_an_abstention_nothing_is_told(text: str) -> None:
    assert "".join(told(text, list(range(200)))) == ""


@pytest.mark.parametrize("text", REPLIES)
def test_no_marker_is_told_in_halves(text: str) -> None:
    arriving, so_far = Arriving(), ""
    for char in text:
        so_far += arriving.take(char)
        assert not re.search(r"[\[【]\d*\Z", so_far)


def test_thoughts_are_never_told_nor_what_may_become_one() -> None:
    pieces = told("<think>It says 24. [1]</think>It lasts two years. [1]", list(range(60)))
    assert "".join(pieces) == "It lasts two years. [1]"
    assert not any("<" in piece for piece in pieces)


def test_a_marker_that_breaks_off_at_the_end_is_not_told() -> None:
    text = "It lasts two years. [1] It starts [2"
    assert "".join(told(text, [5, 20, 30])) == "It lasts two years. [1] It starts"


def test_a_long_open_bracket_is_told_in_the_end() -> None:
    arriving = Arriving()
    assert arriving.take("See [the whole of the chapter on warranties and returns") != "See"
