"""How likely a text is in a language of its own alphabet, by the frequency of its letters.

They only have to tell a language from the same bytes read in the wrong charset, where letters and case are
shuffled: natural text scores about -2.9 a letter, the wrong charset -4.5 and less.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping

from ragkit.ingest.load.scores import ASCII, STRANGE, Score, punctuation

# Russian letters from the most frequent one on, their shares in per mille, from the figures of the Russian
# National Corpus (Lyashevskaya and Sharov 2009). The shares of other languages fall much alike.
_RUSSIAN = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"
_PER_MILLE = (
    *(110, 85, 80, 74, 67, 63, 55, 47, 45, 44, 35, 32, 30, 28, 26, 20, 19),
    *(17, 17, 16, 16, 14, 12, 10, 9, 7, 6, 5, 4, 3, 3, 1, 1),
)
# Letters of Ukrainian, Belarusian, Serbian and Macedonian, which are read as well.
_OTHER_CYRILLIC = (("іј", -4.5), ("їєўљњћ", -5.5), ("ґђџ", -7.5), ("ѓќѕ", -10.0))
_GREEK = "αοιετσνηυρπκμλςίάόέωδήγχύθφώβξζψϊ"
_ARABIC = "اليمنورتبةعدفسهكقحجأشصطخضىذثغزءإئظؤآ"
_HEBREW = "יוהלארתבמשנחדקעפטםגצסכזןךףץ"
_HEBREW_FINAL = frozenset("םןךףץ")
_PLAUSIBLE = -3.4
# A few letters say little: these must be the frequent ones.
_FEW_LETTERS, _PLAUSIBLE_FEW = 12, -3.15
_MIN_LETTERS, _MIN_DISTINCT = 5, 4
_MIN_ARABIC = 30
_WORD = re.compile(r"[^\W\d_]+")
_Table = Mapping[str, float]


def score_cyrillic(text: str) -> Score:
    """The score of `text` as Russian or a language near it."""
    return _score(text, _table(_RUSSIAN, _OTHER_CYRILLIC))


def score_greek(text: str) -> Score:
    """The score of `text` as Greek."""
    return _score(text, _table(_GREEK))


def score_arabic(text: str) -> Score:
    """The score of `text` as Arabic."""
    score = _score(text, _table(_ARABIC))
    # Its two charsets make words of each other that only a longer text tells from real ones.
    is_short = score.judged < _MIN_ARABIC
    return Score(score.log, judged=score.judged, strange=max(score.judged, 1) if is_short else score.strange)


def score_hebrew(text: str) -> Score:
    """The score of `text` as Hebrew; where words begin with a letter's final form, it is backwards."""
    score = _score(text, _table(_HEBREW))
    # Its likelihood stays as it is: a text that is seen to be Hebrew must not be taken for another.
    backwards = sum(word[0] in _HEBREW_FINAL for word in _WORD.findall(text))
    return Score(score.log, judged=score.judged, strange=score.strange + 4 * backwards)


@functools.cache
def _table(letters: str, others: tuple[tuple[str, float], ...] = ()) -> _Table:
    shares = (*_PER_MILLE, *[1] * len(letters))
    table = {letter: math.log(share / 1000) for letter, share in zip(letters, shares, strict=False)}
    for rare, log in others:
        table |= dict.fromkeys(rare, log)
    return table


def _score(text: str, table: _Table) -> Score:
    """Letters that stand inside Latin words are strange."""
    letters: list[float] = []
    distinct: set[str] = set()
    total, strange = 0.0, 0
    for word in _WORD.findall(text):
        if word.isascii():
            total += ASCII * len(word)
            continue
        # A capital inside a word is what koi8-r read as cp1251 (or the reverse) gives everywhere.
        lower = word.lower() if word.isupper() else word[0].lower() + word[1:]
        beyond = [c for c in lower if not c.isascii()]
        distinct.update(beyond)
        letters += [table.get(c, STRANGE) for c in beyond]
        if len(beyond) < len(lower):
            total += STRANGE + ASCII * (len(lower) - len(beyond))
            strange += 1
    marks = [punctuation(text, at) for at, c in enumerate(text) if not c.isascii() and not c.isalpha()]
    total += sum(letters) + sum(marks) + ASCII * sum(c.isascii() and not c.isalpha() for c in text)
    judged = len(letters) + len(marks)
    strange += letters.count(STRANGE) + marks.count(STRANGE)
    if not _reads_naturally(letters, distinct):
        strange = max(judged, 1)
    return Score(total, judged=judged, strange=strange)


def _reads_naturally(letters: list[float], distinct: set[str]) -> bool:
    if len(letters) < _MIN_LETTERS or len(distinct) < _MIN_DISTINCT:
        return False
    return sum(letters) / len(letters) >= (_PLAUSIBLE if len(letters) > _FEW_LETTERS else _PLAUSIBLE_FEW)
