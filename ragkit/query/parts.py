"""The parts of a question, by rules, in English and Russian: alternatives, comparisons, questions in a row.

Who is older, Ann Lee or Bo Day?              Ann Lee · Bo Day
Чем тариф Beacon отличается от Ember?         тариф Beacon · Ember
When is it open, and who has the key?         When is it open · who has the key
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ragkit.query.followup import points_back

Terms = Callable[[str], Sequence[str]]

_EN_ASKS = "who|whom|whose|what|when|where|why|how|which|is|are|do|does|did|can|could|should|will"
_RU_ASKS = (
    "кто|кого|кому|что|чем|когда|где|куда|откуда|почему|зачем|как|какой|какая|какое|какие|сколько|можно ли"
)
# «A or B» at the end, after a comma or a colon: what is asked of both.
_ALTERNATIVES = re.compile(
    r"(?P<stem>.+?)[,:—–]\s+(?P<a>[^?]+?),?\s+(?:or|или)\s+(?P<b>[^?]+?)\s*\??", re.IGNORECASE
)
_BETWEEN = re.compile(
    r".*?\b(?:differences?|distinction|comparison|relation(?:ship)?) (?:between|of) (?:the )?"
    r"(?P<a>.+?) (?:and|vs\.?|versus) (?:the )?(?P<b>.+)"
    r"|.*?\b(?:разниц\w+|отличи\w+|различи\w+|сравнени\w+|связь) (?:между )?(?P<c>.+?) (?:и|от) (?P<d>.+)",
    re.IGNORECASE,
)
_COMPARED = re.compile(
    r"(?:.*\b)?compare (?P<a>.+?) (?:and|with|to|against) (?P<b>.+)"
    r"|(?:how|in what way) (?:is|are|do|does) (?P<c>.+?) (?:differ|different) from (?P<d>.+)"
    r"|(?P<e>.+?) (?:vs\.?|versus|против) (?P<f>.+)"
    r"|сравни(?:ть|те)? (?P<g>.+?) (?:и|с) (?P<h>.+)"
    r"|чем (?P<i>.+?) отлича(?:ется|ются) от (?P<j>.+)"
    r"|чем отлича(?:ется|ются) (?P<k>.+?) (?:от|и) (?P<m>.+)"
    r"|что (?:лучше|хуже|быстрее|дешевле|дороже|надёжнее|надежнее) (?P<n>.+?) или (?P<o>.+)",
    re.IGNORECASE,
)
_BOTH = re.compile(
    r"\b(?:both|same|each|alike|in common|share[sd]?|об[ае]|один(?:аков)?\w*|общ\w+)\b", re.IGNORECASE
)
_NAME = r"(?:[\"«“][^\"»”]+[\"»”]|[^\W\d_a-zа-яё][\w.'’&-]*|\d[\w.'-]*|\([^()]*\))"
_JOINT = r"(?:of|the|de|da|du|di|del|la|le|van|von|der|den|al|bin|ibn|y|in|on|for|to|no\.|и)"
_NAMES = rf"{_NAME}(?:,? (?:{_JOINT} )*{_NAME})*"
_PAIR = re.compile(
    rf"(?<![\w'’-])(?P<a>{_NAMES}),? (?:and|и) (?:(?:the|film|song|director of film) )*(?P<b>{_NAMES})"
)
_FIRST = re.compile(
    r"^(?:are|were|is|was|do|does|did|have|has|had|can|which|what|who|when|where|in which|являются ли"
    r"|правда ли|"
    r"у кого|кто|где|когда)\s+(?:both |the |films? |of )*",
    re.IGNORECASE,
)
_EITHER = re.compile(
    rf"(?:is|was|are|were|did|does|do|has"
    rf"|had) (?:the )?(?P<a>{_NAMES}),? or (?:the )?(?P<b>{_NAMES})(?P<rest> .+)"
    rf"|(?:is|was|does|did|has) (?P<c>{_NAMES}) .*?\bsame .+? (?:as|with) (?P<d>{_NAMES})(?P<more>.*)"
)
_ASKING = re.compile(rf"(?:(?:also|then|ещё|также) )?(?:{_EN_ASKS}|{_RU_ASKS})\b", re.IGNORECASE)
_SEVERAL = re.compile(
    rf"(?:\?|;|,? and|,? и|,)\s+(?=(?:(?:also|then|ещё|также) )?(?:{_EN_ASKS}|{_RU_ASKS})\b)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a question is made of.

    Args:
        kind: `alternatives`, `comparison`, `several`; or `one` where it is a single question.
        texts: the things that are compared, or the questions.
    """

    kind: Literal["alternatives", "comparison", "several", "one"]
    texts: tuple[str, ...] = field(default=(), kw_only=True)


_ONE = Parts("one")
# Characters. What compares says so at once, and the patterns' time grows with the square of the length.
_LONGEST_COMPARISON = 400


def parts_of(question: str, terms: Terms) -> Parts:
    """The parts of a question; none where the rules see a single one.

    Args:
        question: as it is understood.
        terms: gives the analysed words of a text, as the collection indexes them.

    >>> from ragkit.text.analyze import Analyzer
    >>> parts_of("Who is older, Ann Lee or Bo Day?", Analyzer().terms)
    Parts(kind='alternatives', texts=('Ann Lee', 'Bo Day'))
    """
    text = " ".join(question.split()).rstrip("?!. ")
    for rule in (_alternatives, _compared, _both) if len(text) <= _LONGEST_COMPARISON else ():
        found = rule(text)
        if found.texts and all(terms(part) for part in found.texts):
            return found
    return _several(" ".join(question.split()), terms)


def _alternatives(text: str) -> Parts:
    match = _ALTERNATIVES.fullmatch(text)
    if match is None:
        match = _EITHER.fullmatch(text[:1].lower() + text[1:])
        if match is None:
            return _ONE
        return Parts("alternatives", texts=(_bare(match["a"] or match["c"]), _bare(match["b"] or match["d"])))
    if len(match["stem"].split()) < 2:
        return _ONE
    return Parts("alternatives", texts=(_bare(match["a"]), _bare(match["b"])))


def _compared(text: str) -> Parts:
    match = _BETWEEN.fullmatch(text) or _COMPARED.fullmatch(text)
    if match is None:
        return _ONE
    a, b = (part for part in match.groups() if part is not None)
    return Parts("comparison", texts=(_bare(a), _bare(b)))


def _both(text: str) -> Parts:
    if not _BOTH.search(text):
        return _ONE
    match = _PAIR.search(_FIRST.sub("", text))
    return _ONE if match is None else Parts("comparison", texts=(_bare(match["a"]), _bare(match["b"])))


def _several(text: str, terms: Terms) -> Parts:
    """Questions side by side, each of which can be understood by itself."""
    found = [part.strip(" ,;?") for part in _SEVERAL.split(text)]
    if len(found) < 2 or not all(_ASKING.match(part) and terms(part) for part in found):
        return _ONE
    if any(points_back(part, terms) for part in found[1:]):
        return _ONE
    return Parts("several", texts=tuple(found))


def _bare(part: str) -> str:
    return part.strip(' ,;:?«»"“”')
