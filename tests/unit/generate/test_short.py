"""Short answers: the contract of a reader, held by the one that comes with ragkit."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.generate.short import MAX_SPANS, LinearReader, may_be_short

READER = LinearReader()
TEXTS = st.text(alphabet="ab1 .,%$«»(){}\n—чшё東", max_size=60)


def best(question: str, text: str) -> str:
    (reading,) = READER.read(question, [text])
    return reading.spans[0].span.of(text)


def test_a_number_with_its_unit() -> None:
    assert (
        best("How long is the warranty of the Wick 5?", "The Wick 5 is covered for 24 months.") == "24 months"
    )
    assert (
        best("Сколько стоит выезд инженера?", "Выезд инженера стоит 14 000 рублей за день.")
        == "14 000 рублей"
    )


def test_a_name() -> None:
    assert (
        best("Who invented the reactor?", "The reactor was invented by Enrico Fermi in 1942.")
        == "Enrico Fermi"
    )
    assert best("Какая роль утверждает пересчёт?", "Пересчёт утверждает роль «Контролёр остатков».") == (
        "Контролёр остатков"
    )


def test_what_is_no_number_is_no_answer_to_how_many() -> None:
    assert may_be_short("How many scans fit?", "2,000 scans")
    assert not may_be_short("How many scans fit?", "the queue")
    assert not may_be_short("Как включить CORS?", "командой")


@given(st.text(max_size=30), st.lists(TEXTS, max_size=3))
@settings(max_examples=60, deadline=None)
def test_a_reading_holds_the_contract(question: str, texts: list[str]) -> None:
    readings = READER.read(question, texts)
    assert len(readings) == len(texts)
    for text, reading in zip(texts, readings, strict=True):
        chances = [found.probability for found in reading.spans]
        assert len(chances) <= MAX_SPANS
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) + reading.unanswerable <= 1 + 1e-6
        assert all(0 <= f.span.start < f.span.end <= len(text) for f in reading.spans)
        assert READER.read(question, [text]) == [reading]


def test_words_that_break_off_are_no_answer() -> None:
    for words in ("3.0 the scanner", "8443 instead of", "24 months from", "3.0 этот сканер", "24 месяца со"):
        assert not may_be_short("How many of them are there?", words)
    for words in ("3 a day", "24 months of the year", "24 месяца"):
        assert may_be_short("How many of them are there?", words)
    assert may_be_short("Which shelf is it on?", "shelf A")
