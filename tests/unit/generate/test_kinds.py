"""What kind of answer a question asks for, and where a text has one."""

from __future__ import annotations

import pytest

from ragkit.generate.kinds import Kind, kind_of, places_of


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who wrote it?", "person"),
        ("Кому подчиняется склад?", "person"),
        ("In which city is it made?", "place"),
        ("Где его собирают?", "place"),
        ("When was 3.1 released?", "date"),
        ("В каком году вышла версия?", "date"),
        ("How many days does it take?", "duration"),
        ("Как долго это длится?", "duration"),
        ("What does an hour of it cost?", "money"),
        ("Сколько стоит ремонт?", "money"),
        ("What percentage of it is oxygen?", "percent"),
        ("How many handhelds may there be?", "count"),
        ("Сколько владельцев на сервере?", "count"),
        ("On which port does it listen?", "number"),
        ("Why is it so?", "reason"),
        ("Почему так?", "reason"),
        ("How do I pair a scanner?", "manner"),
        ("Как включить CORS?", "manner"),
        ("Can I print by USB?", "yesno"),
        ("Можно ли печатать?", "yesno"),
        ("What does it value stock at?", "thing"),
        ("webhook delivery attempts", "other"),
    ],
)
def test_the_kind_of_answer(question: str, kind: Kind) -> None:
    assert kind_of(question) == kind


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("date", "It began on 3 February 2026 and ended in May.", ["3 February 2026", "May"]),
        ("date", "Версия вышла 9 июня 2026 года.", ["9 июня 2026 года"]),
        ("duration", "The warranty lasts 24 months.", ["24 months"]),
        ("duration", "Ремонт длится 20 рабочих дней.", ["20 рабочих дней"]),
        ("money", "It costs €140 or 14 000 рублей.", ["€140", "14 000 рублей"]),
        ("percent", "A fee of 15 % is kept.", ["15 %"]),
        ("count", "It holds 2,000 scans.", ["2,000"]),
        ("person", "It was found by Enrico Fermi in Rome.", ["It", "Enrico Fermi", "Rome"]),
        ("thing", "It holds 2,000 scans.", []),
    ],
)
def test_the_places_of_a_kind(kind: Kind, text: str, found: list[str]) -> None:
    assert [place.of(text) for place in places_of(kind, text)] == found
