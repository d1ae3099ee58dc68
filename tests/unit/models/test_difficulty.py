"""How hard a question looks."""

from __future__ import annotations

import pytest

from ragkit.chat import Message
from ragkit.models.difficulty import difficulty_of
from ragkit.types import Query, QueryPlan

EASY = [
    "How long is the warranty?",
    "Which port does the server listen on?",
    "What is the capital of France?",
    "Who approves travel expenses?",
    "Как долго действует гарантия?",
    "На каком порту слушает сервер?",
    "Кто утверждает командировки?",
    "Сколько дней отпуска полагается сотруднику?",
]
HARD = [
    ("Which is cheaper, the Start plan or the Pro plan?", "compares"),
    ("What is the difference between a refund and a credit note?", "compares"),
    ("Are Paris and Lyon in the same country, and have both a metro?", "compares"),
    ("Who is the mother of the director of the film?", "chain"),
    ("Where was the author of the book that won in 1999 born?", "chain"),
    ("Why does the job fail, and how do I restart it?", "reasons"),
    ("What happens if the key expires?", "reasons"),
    ("How do I log in? And how do I log out?", "several"),
    ("Чем тариф «Про» отличается от тарифа «Старт»?", "compares"),
    ("Что дешевле: аренда или покупка?", "compares"),
    ("Как зовут директора компании, которая выпустила телефон?", "chain"),
    ("Почему задание завершается с ошибкой?", "reasons"),
    ("Что будет, если ключ истечёт?", "reasons"),
    ("Сколько стоит подписка и как её отменить?", "several"),
]


@pytest.mark.parametrize("question", EASY)
def test_a_plain_question_has_no_points(question: str) -> None:
    assert difficulty_of(QueryPlan.of(question)).signs == ()


@pytest.mark.parametrize(("question", "sign"), HARD)
def test_a_hard_question_shows_its_sign(question: str, sign: str) -> None:
    assert sign in difficulty_of(QueryPlan.of(question)).signs


def test_a_question_of_many_words_is_long() -> None:
    assert "long" in difficulty_of(QueryPlan.of("Where is the office " + "in this city " * 8)).signs


def test_the_parts_of_a_decomposed_question_count() -> None:
    queries = tuple(Query(f"q{n}", "Where is it?") for n in range(3))
    assert difficulty_of(QueryPlan("Where is it?", queries=queries)).signs == ("several",)


def test_without_a_plan_the_last_message_counts() -> None:
    messages = [Message("system", "Why?"), Message("user", "Compare both plans.")]
    assert difficulty_of("something else", messages).signs == ("compares",)
    assert difficulty_of(None).signs == ()
