"""Do two sentences give different values for the same thing?

Told where nothing else can be meant: both state one value of the kind that the question asks for, in the
same unit; but for it they say the same words, names and numbers; and no number of their headings or
addresses, such as a version, sets them apart. Sentences in two languages are never compared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ragkit.generate.kinds import Kind, places_of
from ragkit.text.relevance import Candidate

_VALUED: Final[frozenset[Kind]] = frozenset({"date", "duration", "money", "percent", "count", "number"})
# Of the words of both, values aside, the share that both have.
_SAME_WORDS = 0.75
_LEAST_WORDS = 2
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_CAPITALS = re.compile(r"(?<!^)(?<![.!?] )\b[A-ZА-ЯЁ]\w+")


@dataclass(frozen=True, slots=True)
class _Stated:
    """A sentence's value, in parts, and what it says beside it."""

    numbers: tuple[str, ...]
    unit: str
    beside: str


def conflict(kind: Kind, one: Candidate, other: Candidate) -> bool:
    """Whether two sentences contradict each other in the value that a question of this kind asks for."""
    if kind not in _VALUED or one.passage.chunk.id == other.passage.chunk.id:
        return False
    a, b = _stated(kind, one.sentence.text), _stated(kind, other.sentence.text)
    if a is None or b is None or a.unit != b.unit or a.numbers == b.numbers:
        return False
    if _marks(a, one) != _marks(b, other):
        return False
    words_a = {t for t in one.sentence.terms if not t[0].isdigit()}
    words_b = {t for t in other.sentence.terms if not t[0].isdigit()}
    shared, all_words = words_a & words_b, words_a | words_b
    return len(shared) >= max(_LEAST_WORDS, _SAME_WORDS * len(all_words))


def _stated(kind: Kind, text: str) -> _Stated | None:
    """The one value of a sentence; None where it has none or several, or one without digits."""
    places = places_of(kind, text)
    if len(places) != 1:
        return None
    value = places[0].of(text)
    numbers = tuple(_NUMBER.findall(value))
    if not numbers:
        return None
    unit = " ".join(_NUMBER.sub(" ", value).lower().split())
    return _Stated(numbers, unit, beside=text[: places[0].start] + " " + text[places[0].end :])


def _marks(stated: _Stated, candidate: Candidate) -> tuple[frozenset[str], frozenset[str]]:
    """The names and numbers beside the value, and the numbers of where it stands."""
    chunk = candidate.passage.chunk
    beside = frozenset((*_CAPITALS.findall(stated.beside), *_NUMBER.findall(stated.beside)))
    return beside, frozenset(_NUMBER.findall(f"{chunk.heading} {chunk.uri or ''}"))
