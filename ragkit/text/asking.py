"""What a question asks for, told by the words it asks with, in English and Russian."""

from __future__ import annotations

import re

_NUMBER = re.compile(
    r"\b(?:how (?:many|much|long|often|far|fast|old|big|large|heavy|soon|late|early)|when|since when"
    r"|(?:what|which|on what|on which|until what|by what) (?:day|date|year|month|time|port|price|fee|number"
    r"|size|limit|percentage|temperature|version)s?"
    r"|сколько|скольких|когда|насколько|как (?:долго|часто|скоро|быстро)|во сколько|с какого|до какого"
    r"|(?:в |на |к |за )?как(?:ой|ая|ое|ие|ом|ую|ого) (?:срок|день|дни|дата|дату|год|году|порт|порту|цена"
    r"|цену|стоимость|размер|версия|версию|номер|период|температура|температуру))\b",
    re.IGNORECASE,
)
_NUMERAL = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|hundred|thousand|once"
    r"|twice|daily|weekly|monthly|yearly|один|одна|одного|два|две|двух|три|трёх|трех|четыре|четырёх|четырех|пять"
    r"|пяти|шесть|шести|семь|семи|восемь|восьми|девять|девяти|десять|десяти|двенадцать|двадцать|тридцать|сто|тысяч"
    r"|тысяча|ежедневно|еженедельно|ежемесячно|круглосуточно)\b",
    re.IGNORECASE,
)
# Words of asking that the analyzer takes for content, since elsewhere they are.
_ASKING = re.compile(
    r"\b(?:сколько времени|в течение какого времени|как (?:долго|часто|скоро)"
    r"|how (?:long|often|far|soon|many|much(?: time)?))\b",
    re.IGNORECASE,
)


def asks_for_number(question: str) -> bool:
    """Whether an answer has to state a number, a date or a time.

    >>> asks_for_number("How long is the warranty?"), asks_for_number("Кто утверждает пересчёт?")
    (True, False)
    """
    return bool(_NUMBER.search(question))


def states_number(text: str) -> bool:
    """Whether a text states a number, in digits or in words.

    >>> states_number("It lasts two years."), states_number("It lasts.")
    (True, False)
    """
    return bool(_NUMERAL.search(text))


def content_of(question: str) -> str:
    """The question without words that only ask.

    >>> content_of("Сколько времени занимает ремонт?")
    ' занимает ремонт?'
    """
    return _ASKING.sub("", question)
