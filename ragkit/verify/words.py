"""The words of a sentence with their stems, for checks that look at who stands next to whom."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from ragkit.text.normalize import normal_form
from ragkit.text.stem import stem
from ragkit.text.stopwords import stop_words

_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*|\d[\d.,:]*\d|\d|[.;:!?()|]|,")
_CYRILLIC = re.compile("[\u0400-\u04ff]")
# They say how others are meant, and carry no content of their own.
_KEPT_WORDS = (
    "no not nor never without only before after over under more less most least above below up down on off"
    " all any some each few cannot не ни нет без до после более менее больше меньше выше ниже все каждый"
)
_KEPT = frozenset(_KEPT_WORDS.split())


@dataclass(frozen=True, slots=True)
class Word:
    """A word: as it stands, in lower case, its stem, where it begins, whether it carries content."""

    text: str
    lower: str
    stem: str
    at: int
    is_content: bool

    @property
    def is_break(self) -> bool:
        """Whether it is a mark that parts clauses."""
        return not self.text[0].isalnum()


def words(text: str) -> tuple[Word, ...]:
    """The words and marks of a text, in order. Positions count in its normal form.

    >>> [w.stem for w in words("Licences expired, not keys") if w.is_content]
    ['licens', 'expir', 'key']
    """
    return _remembered(text) if len(text) < _LONG else _read(text)


def content(text: str) -> frozenset[str]:
    """The stems of the words that carry content."""
    return frozenset(word.stem for word in words(text) if word.is_content)


def _read(text: str) -> tuple[Word, ...]:
    plain = normal_form(text)
    return tuple(_word(match[0], match.start()) for match in _WORD.finditer(plain))


# Each check asks for the same sentences again; whole passages are read once.
_LONG = 1000
_remembered = functools.lru_cache(maxsize=2048)(_read)


def _word(text: str, at: int) -> Word:
    lower = text.casefold()
    if not text[0].isalpha():
        return Word(text, lower, lower, at, text[0].isdecimal())
    stemmed, is_content = _stemmed(lower)
    return Word(text, lower, stemmed, at, is_content)


@functools.lru_cache(maxsize=20_000)
def _stemmed(lower: str) -> tuple[str, bool]:
    language = "ru" if _CYRILLIC.search(lower) else "en"
    is_stop = lower in stop_words(language) or lower in _KEPT
    return stem(lower, language), not is_stop and len(lower) > 1
