"""The rules that turn sentences and headings into questions: worked examples in English and Russian."""

from __future__ import annotations

import pytest

from ragkit.evaluation.questions import english, russian
from ragkit.evaluation.questions.headings import heading_as_question


def english_question(text: str, *names: str) -> tuple[str, str] | None:
    asked = next(english.asked_of(text, frozenset(names)), None)
    return None if asked is None else (asked.text, asked.answers[0])


def russian_question(text: str, *names: str) -> tuple[str, str] | None:
    asked = next(russian.asked_of(text, frozenset(names)), None)
    return None if asked is None else (asked.text, asked.answers[0])


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("A claim number is valid for 30 days.", "How long is a claim number valid?", "30 days"),
        (
            "The crane is covered for 24 months, because it is new.",
            "How long is the crane covered?",
            "24 months",
        ),
        ("Refunds are paid within 7 working days.", "Within what time are refunds paid?", "7 working days"),
        ("A pilot has at least 12 hours.", None, None),
        (
            "A password has at least 12 characters.",
            "How many characters does a password have at least?",
            "12 characters",
        ),
        ("The harbour holds up to 40 ships.", "How many ships does the harbour hold at most?", "40 ships"),
        ("A berth costs €120.", "How much does a berth cost?", "€120"),
        ("Buoys connect to the tower on port 7420.", "On which port do buoys connect to the tower?", "7420"),
        ("The tower was built on 3 May 1902.", "When was the tower built?", "3 May 1902"),
        (
            "Version 2.8 stopped receiving fixes on 31 March 2026.",
            "When did version 2.8 stop receiving fixes?",
            "31 March 2026",
        ),
        (
            "Sealed keys are supported since version 3.1.",
            "Since which version are sealed keys supported?",
            "3.1",
        ),
        (
            "A tender is a small boat that carries people to a ship.",
            "What is a tender?",
            "a small boat that carries people to a ship",
        ),
    ],
)
def test_an_english_sentence_becomes_a_question(
    sentence: str, question: str | None, answer: str | None
) -> None:
    assert english_question(sentence) == (None if question is None else (question, answer))


@pytest.mark.parametrize(
    "sentence",
    [
        "It is valid for 30 days.",
        "If the number expires, it is valid for 30 days.",
        "Make sure the number is valid for 30 days.",
        "The number that you got is valid for 30 days.",
        "In winter the harbour is open for 8 hours.",
        "The number is not valid for 30 days.",
        "Is the number valid for 30 days?",
        "The rest is a matter of taste and of time.",
        "Each company is an owner of goods in the harbour.",
        "The witness is a tiny process without data.",
        "The decision is one of refund, exchange and repair.",
    ],
)
def test_nothing_is_asked_where_subject_or_sense_is_unsure(sentence: str) -> None:
    assert english_question(sentence) is None


def test_names_keep_their_capital() -> None:
    sentence = "Lantern holds 40 ships."
    assert english_question(sentence, "Lantern") == ("How many ships does Lantern hold?", "40 ships")
    assert english_question(sentence) == ("How many ships does lantern hold?", "40 ships")


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("Курсор живёт 30 минут.", "Сколько живёт курсор?", "30 минут"),
        ("Ремонт занимает не более 20 рабочих дней.", "Сколько времени занимает ремонт?", "20 рабочих дней"),
        (
            "Выезд инженера стоит 14 000 рублей за день, дорога отдельно.",
            "Сколько стоит выезд инженера за день?",
            "14 000 рублей",
        ),
        (
            "Фраза должна содержать не менее 16 символов.",
            "Сколько символов должна содержать фраза?",
            "16 символов",
        ),
        ("Агент слушает порт 5578.", "Какой порт слушает агент?", "5578"),
        (
            "Терминалы подключаются к шлюзу через порт 7420.",
            "Через какой порт подключаются терминалы к шлюзу?",
            "7420",
        ),
        ("Агент появился в версии 3.1.", "В какой версии появился агент?", "3.1"),
        (
            "Процессоры ARM64 поддерживаются с версии 3.1.",
            "С какой версии поддерживаются процессоры ARM64?",
            "3.1",
        ),
        ("Версия 3.2 вышла 9 июня 2026 года.", "Когда вышла версия 3.2?", "9 июня 2026"),
        (
            "Тендер — это небольшое судно для перевозки людей.",
            "Что такое тендер?",
            "небольшое судно для перевозки людей",
        ),
    ],
)
def test_a_russian_sentence_becomes_a_question(sentence: str, question: str, answer: str) -> None:
    assert russian_question(sentence) == (question, answer)


@pytest.mark.parametrize(
    "sentence",
    [
        "Он живёт 30 минут.",
        "Если курсор закрыт, он живёт 30 минут.",
        "В порту хранится 30 лодок.",
        "Сейчас порт — это несколько причалов и склад.",
        "Скачайте программу — это один файл для всех систем.",
        "Сервер хранит 22 копии.",  # «22 копии» is no genitive plural: «сколько копии» would be wrong
    ],
)
def test_nothing_is_asked_in_russian_where_it_is_unsure(sentence: str) -> None:
    assert russian_question(sentence) is None


@pytest.mark.parametrize(
    ("title", "lang", "kind", "question"),
    [
        ("Can I pay by month?", "en", "faq", "Can I pay by month?"),
        ("What is a tender", "en", "faq", "What is a tender?"),
        ("How to claim damages", "en", "howto", "How do I claim damages?"),
        ("Create a new berth", "en", "howto", "How do I create a new berth?"),
        ("Restoring a backup", "en", "howto", "How do I restore a backup?"),
        ("Как сдать устройство", "ru", "howto", "Как сдать устройство?"),
        ("Что нового в порту", "ru", "faq", "Что нового в порту?"),
        ("Создайте новый причал", "ru", "howto", "Как создать новый причал?"),
    ],
)
def test_a_heading_becomes_a_question(title: str, lang: str, kind: str, question: str) -> None:
    asked = heading_as_question(title, lang)
    assert asked is not None
    assert (asked.kind, asked.text) == (kind, question)


@pytest.mark.parametrize(
    ("title", "lang"),
    [
        ("Open Source tools", "en"),
        ("Set of rules", "en"),
        ("Update replacing with PUT", "en"),
        ("Create: the basics", "en"),
        ("Recap", "en"),
        ("Как правило, так", "ru"),
        ("Причалы", "ru"),
        ("Was ist ein Hafen", "de"),
    ],
)
def test_a_heading_that_is_none_stays_one(title: str, lang: str) -> None:
    assert heading_as_question(title, lang) is None
