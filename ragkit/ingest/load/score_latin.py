"""How likely a text is in a language of Latin letters.

Charsets of Latin letters differ in a few dozen places only, and most of what they make of each other are
letters too ("très" and "trčs"). So a reading is scored as the language that fits it best, by the letters that
this language has beyond ASCII, and by its frequent words.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from types import MappingProxyType

from ragkit.ingest.load.scores import ASCII, STRANGE, Score, punctuation
from ragkit.text.stopwords import FREQUENT_WORDS, STOP_WORDS

# Foreign names in English may come from anywhere: only letters that all these charsets agree on count, and
# words that are at home in English.
_ENGLISH = MappingProxyType({"en": "áâäçéëíîóôöüß"})
_AT_HOME = "naïve naïveté naïvely à crème brûlée fête château señor niño piñata jalapeño"
_LOANWORDS = frozenset(_AT_HOME.split())
_WESTERN = MappingProxyType(
    {
        **_ENGLISH,
        "de": "äöüßéà",
        "fr": "éèêëàâçîïôœùûüæ",
        "es": "áéíóúñüªº",
        "it": "àèéìíòóùîº",
        "pt": "áâãàçéêíóôõúüªº",
        "ca": "àçéèíïóòúü",
        "nl": "éëïóöüèê",
        "sv": "åäöéü",
        "da": "æøåéü",
        "no": "æøåéòôê",
        "fi": "äöåšž",
        "et": "äöõüšž",
        "is": "áðéíóúýþæö",
    }
)
_CENTRAL = MappingProxyType(
    {
        **_ENGLISH,
        "pl": "ąćęłńóśźż",
        "cs": "áčďéěíňóřšťúůýž",
        "sk": "áäčďéíĺľňóôŕšťúýž",
        "hu": "áéíóöőúüű",
        "ro": "ăâîşţ",
        "sr": "čćđšž",
        "de": "äöüßé",
    }
)
_BALTIC = MappingProxyType({**_ENGLISH, "lt": "ąčęėįšųūž", "lv": "āčēģīķļņšūž", "et": "äöõüšž"})
_TURKISH = MappingProxyType({**_ENGLISH, "tr": "çğıİöşüâîû"})

_LETTER, _CAPITAL, _FOREIGN = -5.0, -7.0, -7.0
_KNOWN_WORD, _KNOWN_ASCII_WORD = 2.5, 1.0
_BY_DIGIT = re.compile(r"(?<=\d)[^\W\d_a-zA-Z]|[^\W\d_a-zA-Z](?=\d)")
# Latin words hardly have so many letters beyond ASCII in a row.
_LONG_RUN = re.compile(r"[^\W\d_a-zA-Z]{4,}")
_WORD = re.compile(r"[^\W\d_]+")
_MAX_ASCII_WORDS = 400
# What Turkish becomes in the Western charset has the letters of Icelandic.
_SELDOM = -6.0


def score_western(text: str) -> Score:
    """The score of `text` as a language of Western Europe."""
    return _score(text, _WESTERN)


def score_central(text: str) -> Score:
    """The score of `text` as a language of Central Europe."""
    return _score(text, _CENTRAL)


def score_baltic(text: str) -> Score:
    """The score of `text` as Lithuanian, Latvian or Estonian."""
    return _score(text, _BALTIC)


def score_turkish(text: str) -> Score:
    """The score of `text` as Turkish."""
    return _score(text, _TURKISH)


def _score(text: str, alphabets: MappingProxyType[str, str]) -> Score:
    words = _WORD.findall(text)
    beyond = [word for word in words if not word.isascii()]
    plain = [word.lower() for word in words if word.isascii()][:_MAX_ASCII_WORDS]
    marks = [punctuation(text, at) for at, c in enumerate(text) if not c.isascii() and not c.isalpha()]
    best = max(
        (_as(language, letters, beyond, plain) for language, letters in alphabets.items()),
        key=lambda score: score.log,
    )
    in_runs = sum(map(len, _LONG_RUN.findall(text))) + len(_BY_DIGIT.findall(text))
    return Score(
        best.log + sum(marks) + STRANGE * in_runs + ASCII * sum(map(str.isascii, text)),
        judged=best.judged + len(marks),
        strange=best.strange + marks.count(STRANGE) + in_runs,
    )


def _as(language: str, alphabet: str, beyond: Sequence[str], plain: Sequence[str]) -> Score:
    """The words with letters beyond ASCII, and the plain ones, in a language."""
    known = _known(language)
    usual = _FOREIGN if language == "en" else _LETTER
    loanwords = _LOANWORDS if language == "en" else frozenset[str]()
    total = _SELDOM if language == "is" else 0.0
    total, judged, strange = total + _KNOWN_ASCII_WORD * sum(word in known for word in plain), 0, 0
    for word in beyond:
        if word.lower() in loanwords:
            total += _LETTER
            judged += 1
            continue
        total += _KNOWN_WORD * (word.lower() in known)
        # A dash in another charset is often a letter that stands alone.
        is_no_word = len(word) == 1 and word.lower() not in known
        for at, letter in enumerate(word):
            if letter.isascii():
                continue
            judged += 1
            is_misplaced = is_no_word or (letter.isupper() and at > 0 and not word.isupper())
            if is_misplaced or (letter not in alphabet and letter.lower() not in alphabet):
                total += STRANGE
                strange += 1
            else:
                total += _CAPITAL if letter.isupper() else usual
    return Score(total, judged=judged, strange=strange)


@functools.cache
def _known(language: str) -> frozenset[str]:
    listed = f"{STOP_WORDS.get(language, '')} {FREQUENT_WORDS.get(language, '')}"
    return frozenset(listed.split())
