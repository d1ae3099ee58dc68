"""What a question asks for, told by its words."""

from __future__ import annotations

import pytest

from ragkit.text.asking import asks_for_number, content_of, states_number


@pytest.mark.parametrize(
    "question",
    [
        "How long is the warranty?",
        "How many scans fit?",
        "When was 3.1 released?",
        "On which port does it listen?",
        "Сколько стоит ремонт?",
        "Когда вышла версия 3.2?",
        "Какой срок возврата?",
        "В каком году это было?",
    ],
)
def test_a_question_for_a_number(question: str) -> None:
    assert asks_for_number(question)


@pytest.mark.parametrize(
    "question",
    ["Who approves a count?", "How do I pair a scanner?", "Кто утверждает пересчёт?", "Как включить CORS?"],
)
def test_a_question_for_something_else(question: str) -> None:
    assert not asks_for_number(question)


@pytest.mark.parametrize(
    "text", ["It lasts 24 months.", "It lasts two years.", "Гарантия два года.", "Once a day."]
)
def test_a_text_that_states_a_number(text: str) -> None:
    assert states_number(text)


@pytest.mark.parametrize("text", ["It lasts.", "Someone tends the anyone.", "Гарантия действует."])
def test_a_text_that_states_none(text: str) -> None:
    assert not states_number(text)


def test_words_of_asking_are_no_content() -> None:
    assert content_of("How long is the warranty?").strip() == "is the warranty?"
    assert content_of("Сколько времени занимает ремонт?").strip() == "занимает ремонт?"
    assert content_of("Who approves it?") == "Who approves it?"
