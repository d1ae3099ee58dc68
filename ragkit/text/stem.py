"""Stems: the common part of a word's forms, for every language the Snowball stemmers know.

Snowball (M. F. Porter, https://snowballstem.org) does the work. English and Russian get irregular forms on
top, and Russian a few rules after it, because its stemmer leaves forms of one word apart: `экран` and
`экрана`, `рынок` and `рынка`, `вернуть` and `вернет`, `Петров` and `Петрова`, `использовать` and
`использует`. The rules are applied to every stem, so that all forms of a word move together.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from typing import Final

import Stemmer

from ragkit.text.irregular import ENGLISH, ENGLISH_SPELLINGS, RUSSIAN, RUSSIAN_NOUNS

SNOWBALL: Final[dict[str, str]] = {
    "ar": "arabic",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "eo": "esperanto",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}

# People leave these accents out when they type; elsewhere (å, ö, ı, ł, …) they tell words apart.
_ACCENTS_FOLDED: Final = frozenset({"ca", "de", "en", "es", "fr", "it", "nl", "pt", "ro"})

_VOWEL, _CONSONANT = "[аеиоуыэюя]", "[бвгджзйклмнпрстфхцчшщь]"
_AFTER_SNOWBALL: Final = (
    # Иванов, Иванова; гражданин, граждане.
    (re.compile(f"^(?=.*{_VOWEL}.*[ое]в$)(.{{3,}})[ое]в$"), r"\1"),
    (re.compile("([ая]н)ин$"), r"\1"),
    # экран → экра but экрана → экран: the stemmer takes -ан, -ал, -ав for ends of verbs.
    (re.compile(f"^(.*{_VOWEL}.*[ая])[лнв]$"), r"\1"),
    # использова(ть), использу(ет).
    (re.compile("^(.{4,})[ое]ва$"), r"\1"),
    # вернут(ь), вернул, вернет.
    (re.compile(f"^(..+{_CONSONANT})н(?:ут|ул|ув|у|ет)$"), r"\1н"),
    # Fleeting vowels: настроек, настройка; боец, бойца; рынок, рынка; палец, пальца.
    (re.compile(f"^(.+{_VOWEL})е([кц])$"), r"\1й\2"),
    (re.compile(f"^(.+{_CONSONANT})[ое]([кц])$"), r"\1\2"),
    (re.compile("ь([кц])$"), r"\1"),
)
_CASE_ENDINGS: Final = frozenset(
    {"", "а", "у", "ом", "е", "ы", "и", "ов", "ам", "ами", "ах", "ой", "о", "я", "ю", "й", "ем", "ей", "ев"}
    | {"ям", "ями", "ях"}
)
_MARKS = re.compile("[\u0300-\u036f]")
_stemmers = threading.local()


def stem(word: str, language: str) -> str:
    """The stem of a lower-case `word` of `language` (ISO 639-1); the word itself where no stemmer exists.

    Deterministic, and safe to call from many threads: a Snowball stemmer is not, so each thread has its own.

    >>> stem("возвратами", "ru"), stem("returned", "en")
    ('возврат', 'return')
    """
    if language == "en":
        return _english(fold_accents(word))
    if language == "ru":
        return _russian(RUSSIAN.get(word, word))
    if language not in SNOWBALL:
        return word
    stemmed = _snowball(word, language) or word
    return fold_accents(stemmed) if language in _ACCENTS_FOLDED else stemmed


def fold_accents(word: str) -> str:
    """`word` without the accents of its letters: `résumé` becomes `resume`."""
    return (
        word
        if word.isascii()
        else unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFD", word)))
    )


def _snowball(word: str, language: str) -> str:
    found: Stemmer.Stemmer | None = getattr(_stemmers, language, None)
    if found is None:
        # Terms are cached by the analyzer; a second cache inside would only cost memory.
        found = Stemmer.Stemmer(SNOWBALL[language], 0)
        setattr(_stemmers, language, found)
    return str(found.stemWord(word))


def _english(word: str) -> str:
    stemmed = _snowball(ENGLISH.get(word, word), "en")
    # organis(e), organiz(e): one spelling of the ending, also where it is no such ending (tennis).
    if len(stemmed) > 5 and stemmed.endswith("is"):
        return stemmed[:-1] + "z"
    return ENGLISH_SPELLINGS.get(stemmed, stemmed)


def _russian(word: str) -> str:
    for length in range(4):
        noun = word[: len(word) - length]
        if noun in RUSSIAN_NOUNS and word[len(noun) :] in _CASE_ENDINGS:
            return noun
    stemmed = _snowball(word, "ru")
    for pattern, replacement in _AFTER_SNOWBALL:
        stemmed = pattern.sub(replacement, stemmed)
    return stemmed
