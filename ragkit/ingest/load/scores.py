"""What a reading of bytes is worth."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

# The logarithm for a character that a text of the language has once in a million.
STRANGE = -14.0
# The same for every ASCII character in every reading, so that only what is read differently decides.
ASCII = -3.0
PUNCTUATION = frozenset("«»“”„‘’‚–—…•°§©®™€£№·¿¡\u00a0")
# “ and « open in one language and close in another.
_OPENING = frozenset("„¿¡‚€£№§")
_CLOSING = frozenset("…™®")
_MID_WORD = frozenset("’·")
_NBSP = "\u00a0"
_CLOSED = re.compile("[“”‘]")
_MAX_QUOTE = 400
_ENDS = re.compile(
    r"(?:s|t|ll|re|ve|d|m|n|ı|i|un|ün|ın|in|da|de|dan|den|ya|ye|a|e|y[ıieua]?)\b", re.IGNORECASE
)
_BEGINS = re.compile(
    r"(?:^|\W)(?:\w{1,2}|[Jj]us|[Ll]ors|[Pp]uis|[Aa]ujourd|[aA]ll|[dDnNsS]ell|[dDsS][au]ll|\w*[uU]n)$"
)
_DASHES = frozenset("–—")


@dataclass(frozen=True, slots=True)
class Score:
    """How likely a text is in the language it would be in.

    Args:
        log: natural logarithm of its likelihood, up to a constant of the bytes.
        judged: characters beyond ASCII.
        strange: how many of these its language would hardly have there.
    """

    log: float
    judged: int = field(kw_only=True)
    strange: int = field(kw_only=True)


def punctuation(text: str, at: int) -> float:
    """The logarithm of the likelihood of the character that is no letter at a place of `text`."""
    mark = text[at]
    if mark not in PUNCTUATION:
        return STRANGE
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if mark == _NBSP and _NBSP not in (before, after) and (not before or before.isspace() or after.isspace()):
        return -9.0  # in other charsets a capital at the beginning of a word
    if mark == "’" and before.isalpha() and after.isalpha() and not _is_apostrophe(text, at):
        return -11.0
    if mark == "„" and not _CLOSED.search(text, at + 1, at + _MAX_QUOTE):
        return -11.0
    within = before.isalpha() and after.isalpha()
    if within and mark in _DASHES:
        return -8.0
    if (
        (within and mark not in _MID_WORD)
        or (mark in _OPENING and before.isalpha())
        or (mark in _CLOSING and after.isalpha())
    ):
        return STRANGE
    return -5.0


def _is_apostrophe(text: str, at: int) -> bool:
    """Whether the mark stands where English, French, Italian or Turkish has one."""
    return bool(_ENDS.match(text, at + 1) or _BEGINS.search(text[max(0, at - 12) : at]))
