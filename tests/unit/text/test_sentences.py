"""Sentence spans: misleading texts, Markdown, exact cover, and linear time."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.text.sentences import sentence_spans
from tests.unit.text.sentence_cases import ENGLISH, OTHERS, RUSSIAN, cases, sentences_of, text_of


def split(text: str, language: str | None = None) -> list[str]:
    return [span.of(text) for span in sentence_spans(text, language)]


@pytest.mark.parametrize("case", cases(ENGLISH))
def test_splits_english(case: str) -> None:
    assert split(text_of(case)) == sentences_of(case)


@pytest.mark.parametrize("case", cases(RUSSIAN))
def test_splits_russian(case: str) -> None:
    assert split(text_of(case)) == sentences_of(case)


@pytest.mark.parametrize(("language", "case"), OTHERS.items())
def test_splits_other_languages(language: str, case: str) -> None:
    assert split(text_of(case), language) == sentences_of(case)


def test_the_language_lets_german_ordinals_go_on() -> None:
    text = "Der 3. Versuch gelang. Alle freuten sich."
    assert split(text, "de") == ["Der 3. Versuch gelang.", "Alle freuten sich."]


def test_markdown_blocks_end_sentences() -> None:
    text = (
        "# A heading\nFirst sentence goes\non here. Second one\n- item one. More\n- item two\n"
        "1. step\n2. step\n\nTitle\n=====\nBody\n> quoted line\n> goes on\nafter"
    )
    assert split(text) == [
        "# A heading",
        "First sentence goes\non here.",
        "Second one",
        "- item one.",
        "More",
        "- item two",
        "1. step",
        "2. step",
        "Title\n=====",
        "Body",
        "> quoted line\n> goes on",
        "after",
    ]


def test_table_rows_and_code_are_not_looked_into() -> None:
    text = "| A. B | c |\n|---|---|\n| 1. X | 2 |\n```python\nx = 1. Y\nz = 2\n\ny = 3\n```\nAfter. End."
    assert split(text) == [
        "| A. B | c |",
        "|---|---|",
        "| 1. X | 2 |",
        "```python\nx = 1. Y\nz = 2",
        "y = 3\n```",
        "After.",
        "End.",
    ]


def test_a_fence_that_nothing_closes_does_not_swallow_the_prose_after_it() -> None:
    assert split("x = 1\n```\nIt prints one. Then it stops.") == [
        "x = 1",
        "```",
        "It prints one.",
        "Then it stops.",
    ]


def test_dialogue_lines_are_sentences_of_their_own() -> None:
    assert split("— Привет! — сказал он.\n— Здравствуй") == ["— Привет! — сказал он.", "— Здравствуй"]


def test_windows_newlines_and_page_breaks_end_paragraphs() -> None:
    assert split("One two\r\n\r\nThree\fFour") == ["One two", "Three", "Four"]
    assert split("") == split(" \n\t ") == []


MESSY = st.text(st.sampled_from("aбA1Б .!?…»«\"'()[]\n\r-—#|`~>*。！।гт"), max_size=120)


@given(st.one_of(MESSY, st.text(max_size=120)))
def test_spans_hold_every_visible_character_once_and_in_order(text: str) -> None:
    spans = sentence_spans(text)
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
    assert all(span.of(text) and span.of(text) == span.of(text).strip() for span in spans)
    assert "".join("".join(span.of(text).split()) for span in spans) == "".join(text.split())


@given(MESSY)
def test_a_blank_line_separates_texts(text: str) -> None:
    alone = split(text.replace("`", "").replace("~", ""))
    assert split(text.replace("`", "").replace("~", "") + "\n\nEnd") == [*alone, "End"]


@pytest.mark.parametrize(
    "unit",
    [
        ".",
        "a.",
        "x",
        "A. ",
        "a. ",
        "?)",
        "\n",
        "```\n",
        "~~~\n```\n",
        "- ",
        "| ",
        "«А?» ",
        "5 г. Б ",
        ".\n",
        '".',
    ],
)
def test_a_megabyte_of_anything_takes_linear_time(unit: str) -> None:
    began = time.process_time()
    sentence_spans(unit * (1_000_000 // len(unit)))
    # A quadratic step would take minutes; the bound is loose for slow machines.
    assert time.process_time() - began < 15
