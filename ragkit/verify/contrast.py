"""Opposites and comparatives: `before` for `after`, `больше` for `меньше`, `at least 5` for `at most 5`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ragkit.text.normalize import normal_form
from ragkit.verify.cues import is_negation
from ragkit.verify.nearly import Change
from ragkit.verify.polarity import negated
from ragkit.verify.words import Word, words

# A line: one side of a pair of opposites, and the other.
_OPPOSITES: Final = r"""
more|greater|higher|larger|longer|exceeds?|over|above // less|fewer|lower|smaller|shorter|under|below
before|earlier|prior to|until // after|later|following|since
always|every time // never|rarely|sometimes
all|every|each|everyone // none|no one|nobody|some
enable[sd]?|turned on|switched on // disable[sd]?|turned off|switched off
allow(?:s|ed)?|permit(?:s|ted)?|may // forbid(?:s|den)?|prohibit(?:s|ed)?|refuse[sd]?
required?s?|mandatory|must|has to|have to // optional(?:ly)?|need not|voluntary
includ(?:es?|ed|ing)|contains? // exclud(?:es?|ed|ing)|omits?
increas(?:es?|ed|ing)|ris(?:es?|ing)|rose|grow[sn]?|grew // decreas(?:es?|ed|ing)|falls?|fell|declin\w+|drops?
accept(?:s|ed)? // reject(?:s|ed)?|refuse[sd]?|declined?
first|oldest|earliest // last|newest|latest
open(?:s|ed)? // close[sd]?
ke(?:eps?|pt)|retains? // los(?:es?|t)|voids?|forfeits?
сохраня\w+|остается // лиша\w+|лишит\w*|пропада\w+|теря\w+
locally|offline // remotely|online
public(?:ly)? // private(?:ly)?
automatic(?:ally)? // manual(?:ly)?|by hand
minimum|at least // maximum|at most|up to
больше|более|выше|свыше|дольше|длиннее|дороже // меньше|менее|ниже|короче|дешевле
раньше|ранее|перед // после|позже|позднее|спустя
всегда|каждый раз // никогда|иногда|редко
всё|все|всех|кажд\w+|люб\w+ // никто|ни один|некоторы\w+
разреш\w+|можно|допуска\w+|допустим\w+ // запре[тщ]\w+|нельзя|недопустим\w+
включен\w*|включа\w+|включить|включит\w* // отключ\w+|выключ\w+|исключ\w+
обязател\w+|обязан\w*|должн\w+|необходим\w+ // необязательн\w+|по желанию
увелич\w+|растет|вырос\w*|повыша\w+|повыс\w+ // уменьш\w+|сниж\w+|сниз\w+|пада\w+|упал\w*
принима\w+|принят\w*|одобр\w+ // отклон\w+|отказ\w+
перв\w+|старш\w+ // последн\w+
платн\w+ // бесплатн\w+
минимум|как минимум|не менее // максимум|не более|не больше
автоматическ\w+ // вручную|ручн\w+
"""
_PAIRS: Final = tuple(
    (re.compile(rf"\b(?:{one})\b"), re.compile(rf"\b(?:{other})\b"))
    for one, _, other in (line.partition(" // ") for line in _OPPOSITES.strip().splitlines())
)
# Opposites only where one stands in the place of the other: each has other meanings too.
_BY_PLACE: Final = (re.compile(r"\bдо\b"), re.compile(r"\b(?:после|от)\b"))
_UP = (
    r"at least|no less than|no fewer than|not less than|more than|over|above|from|minimum of|exceeds"
    r"|не менее|не меньше|не ниже|более|больше|свыше|выше|от|>=?|≥"
)
_DOWN = (
    r"at most|no more than|not more than|less than|fewer than|under|below|up to|maximum of|within"
    r"|не более|не больше|не выше|менее|меньше|ниже|до|<=?|≤"
)
_BOUND = re.compile(rf"(?<!\w)(?:(?P<up>{_UP})|(?P<down>{_DOWN}))\s+(?:of\s+)?(?P<number>\d[\d.,]*)")


def opposite(said: str, evidence: str) -> tuple[str, str] | None:
    """A word of `said` and its opposite in the evidence, where each side has only the one of them.

    A negation before either makes it no opposite. A bound (`at least 5`) is held against the bound that the
    evidence gives of the same number.

    >>> opposite("Pay after delivery.", "One pays before delivery.")
    ('after', 'before')
    >>> opposite("It takes at least 5 days.", "It takes up to 5 days.")
    ('at least 5', 'up to 5')
    """
    ours, theirs = normal_form(said).casefold(), normal_form(evidence).casefold()
    return _bounds(ours, theirs) or _pair(ours, theirs)


def exchanged_opposite(changed: Sequence[Change]) -> tuple[str, str] | None:
    """A word and the opposite that its source has in its place."""
    for change in changed:
        ours, theirs = (" ".join(w.lower for w in side) for side in (change.ours, change.theirs))
        for one, other in (*_PAIRS, _BY_PLACE):
            for mine, its in ((one, other), (other, one)):
                said, stated = mine.search(ours), its.search(theirs)
                if said and stated and not (mine.search(theirs) or its.search(ours)):
                    return said[0], stated[0]
    return None


def _bounds(ours: str, theirs: str) -> tuple[str, str] | None:
    given = [(m["number"].rstrip(".,"), m["up"] is not None, m[0]) for m in _BOUND.finditer(theirs)]
    for match in _BOUND.finditer(ours):
        same = [bound for bound in given if bound[0] == match["number"].rstrip(".,")]
        if same and all(is_up != (match["up"] is not None) for _, is_up, _ in same):
            return match[0].rstrip(".,"), same[0][2].rstrip(".,")
    return None


def _before_negation(listed: Sequence[Word]) -> list[Word]:
    """`may` of `may not`."""
    return [listed[i - 1] for i in range(1, len(listed)) if is_negation(listed, i)]


def _pair(ours: str, theirs: str) -> tuple[str, str] | None:
    denied = {w.lower for text in (ours, theirs) for heads in negated(words(text), 2) for w in heads}
    denied |= {w.lower for text in (ours, theirs) for w in _before_negation(words(text))}
    for one, other in _PAIRS:
        for mine, its in ((one, other), (other, one)):
            said, stated = mine.search(ours), its.search(theirs)
            if said is None or stated is None or mine.search(theirs) or its.search(ours):
                continue
            if said[0] not in denied and stated[0] not in denied:
                return said[0], stated[0]
    return None
