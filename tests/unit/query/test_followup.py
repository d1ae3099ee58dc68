"""Which questions lean on the turns before them."""

from __future__ import annotations

import pytest

from ragkit.query.followup import has_own_word, leans
from ragkit.text.analyze import Analyzer

TERMS = Analyzer().terms


@pytest.mark.parametrize(
    "question",
    [
        "And abroad?",
        "What about spare parts?",
        "How much does it cost?",
        "Who repairs them?",
        "Is this covered by the warranty too?",
        "How does that work?",
        "Why?",
        "I meant the scanner.",
        "Are there any others?",
        "А за границей?",
        "Сколько он стоит?",
        "А если срок истёк?",
        "Кто их чинит?",
        "Можно ли продлить эту гарантию?",
        "Почему?",
        "Что насчёт запчастей?",
        "Как туда попасть?",
        "Подробнее, пожалуйста",
        "No, the Wick 7.",
        "Нет, а для Wick 7?",
        "Yes",
    ],
)
def test_a_follow_up_leans(question: str) -> None:
    assert leans(question, TERMS)


@pytest.mark.parametrize(
    "question",
    [
        "How long is the warranty of a Wick 5?",
        "What happens when a licence expires?",
        "When did the Broncos win their first title?",
        "Which port does the server use when it starts?",
        "Who is responsible for the reports that go to the board?",
        "Why did OPEC raise the price of oil?",
        "Сколько времени занимает ремонт по гарантии?",
        "Когда сотрудник может перенести свой отпуск?",
        "Почему сервер отклоняет запросы без ключа?",
        "Кто утверждает пересчёт остатков и когда склад его проводит?",
        "No-smoking areas: where are they in the Berlin office?",
        "More than how many days of leave need approval by a manager?",
        "Нет ли скидок для студентов на тариф Ember?",
    ],
)
def test_a_question_that_names_its_subject_does_not(question: str) -> None:
    assert not leans(question, TERMS)


def test_a_question_says_what_it_asks_for_or_does_not() -> None:
    own = ["When does it end?", "And how long abroad?", "А когда он закончится?", "Можно ли его продлить?"]
    none = ["And abroad?", "What about spare parts?", "А за границей?", "I meant the scanner."]
    assert [has_own_word(question) for question in own + none] == [True] * 4 + [False] * 4
