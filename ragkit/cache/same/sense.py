"""Whether two questions point the same way: negation, opposites, past and future."""

from __future__ import annotations

import re
from typing import Final

from ragkit.cache.same.opposites import opposites
from ragkit.text.normalize import normal_form
from ragkit.verify.contrast import opposite

# Not in `not only`, `no later than`, `не более`, which set a bound or add something.
_NOT: Final = re.compile(
    r"(?:\b(?:not|no|never|cannot|neither|nor|none|nobody|nothing|nowhere|не|ни|нет|никогда|никто|никого|ничего"
    r"|ничто|нигде|никак\w*)\b|n't\b)(?! (?:only|more|later|less|fewer|earlier|longer|just|только|более|менее"
    r"|позднее|позже|ранее|раньше|больше|меньше)\b)",
    re.IGNORECASE,
)
_DENYING: Final = re.compile(
    r"\b(?:without|except|unless|excluding|instead of|rather than|lacks?|missing|fails?|failed|no longer"
    r"|besides|apart from|aside from|another|others?|else"
    r"|без|кроме|вместо|помимо|нельзя|невозможно|отсутству\w+|отказ\w+|больше не"
    r"|друг(?:ой|ая|ое|ие|их|ого))\b",
    re.IGNORECASE,
)
_PAST: Final = re.compile(
    r"\b(?:was|were|did|had|used to|ago|был[аои]?|раньше|прежде|тому назад)\b", re.IGNORECASE
)
_FUTURE: Final = re.compile(r"\b(?:will|going to|shall|буд(?:ет|ут|ем|у|ешь)|планируется)\b", re.IGNORECASE)


def other_sense(one: str, other: str) -> str | None:
    """What turns one of two questions round.

    >>> other_sense("What is covered?", "What is not covered?")
    'negation'
    >>> other_sense("How do I enable it?", "How do I disable it?")
    'enable and disable'
    """
    if _negations(one) != _negations(other):
        return "negation"
    ours, theirs = normal_form(one).casefold(), normal_form(other).casefold()
    if pair := opposites(ours, theirs) or opposite(one, other):
        return f"{pair[0]} and {pair[1]}"
    if bool(_PAST.search(ours)) and not _FUTURE.search(ours) and bool(_FUTURE.search(theirs)):
        return "past and future"
    if bool(_PAST.search(theirs)) and not _FUTURE.search(theirs) and bool(_FUTURE.search(ours)):
        return "past and future"
    return None


def _negations(text: str) -> tuple[int, frozenset[str]]:
    """How often a question denies something, and what else it denies or leaves aside with."""
    plain = normal_form(text).casefold()
    return len(_NOT.findall(plain)), frozenset(match[0] for match in _DENYING.finditer(plain))
