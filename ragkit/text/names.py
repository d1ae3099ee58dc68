"""Names in a text, told by how they are written: capitals, quotation marks. English, Russian and their like.

    "Get Low" is a single by Dillon Francis and DJ Snake.    Get Low · Dillon Francis · DJ Snake
    Фильм «Ирония судьбы» снял Эльдар Рязанов.               Фильм · Ирония судьбы · Эльдар Рязанов

A word at the start of a sentence counts too: whether it names anything shows where it is looked up.
"""

from __future__ import annotations

import calendar
import re

from ragkit.types import Span

LONGEST_CHARS = 80
# Latin, Greek, Cyrillic and Armenian, with the letters of Vietnamese and of old Greek.
_UPPER = "".join(c for c in map(chr, (*range(0x41, 0x587), *range(0x1E00, 0x2000))) if c.isupper())
_BLANK = "[ \u00a0]"
# Marks that stand by themselves, as in "e" and an accent for "é".
_MARKS = "\u0300-\u036f"
_LETTER = rf"[\w{_MARKS}]"
_WORD = rf"(?:[{_UPPER}][\w{_MARKS}'’]*+(?:-{_BLANK}?{_LETTER}++)*+)"
_INITIALS = rf"(?:[{_UPPER}][{_MARKS}]?\.{_BLANK}?){{0,3}}"
_JOINT = r"(?:of the|of|the|de la|de|da|du|di|del|la|le|van der|van|von|der|den|al|el|bin|ibn|y)"
_NAME = re.compile(
    rf"(?<![\w{_MARKS}]){_INITIALS}{_WORD}"
    rf"(?:{_BLANK}(?:{_JOINT}{_BLANK})?{_INITIALS}{_WORD}|{_BLANK}\d\w*+(?:[.-]\w++)*+|,{_BLANK}(?:Jr|Sr)\b)*+"
)
_OPENS, _CLOSES = '"“„«《「『', '"”“»》」』'
_QUOTED = re.compile(
    rf"[{_OPENS}]{_BLANK}?([^{_OPENS}{_CLOSES}\n]{{2,{LONGEST_CHARS}}}?){_BLANK}?[{_CLOSES}]"
)
_BRACKETS = re.compile(r"(?<!\s)\s*+\([^()]*\)")
_CALENDAR = frozenset((*calendar.month_name, *calendar.day_name)) - {""}


def name_spans(text: str) -> list[Span]:
    """Where names stand, in order of their start; one may hold another, as in `«Пиковая дама»`.

    >>> text = 'The film "Get Low" was made by B. Reeves Eason in May.'
    >>> [span.of(text) for span in name_spans(text)]
    ['The', 'Get Low', 'B. Reeves Eason']
    """
    spans = {Span(*found.span(1)) for found in _QUOTED.finditer(text)}
    spans |= {
        Span(*found.span())
        for found in _NAME.finditer(text)
        if len(found[0]) <= LONGEST_CHARS and found[0].split()[0] not in _CALENDAR and len(found[0]) > 1
    }
    return sorted(spans)


def bare_title(title: str) -> str:
    """A title without what stands in brackets to tell it from others.

    >>> bare_title("Human Flow (2017 film)")
    'Human Flow'
    """
    return _BRACKETS.sub("", title).strip() or title.strip()
