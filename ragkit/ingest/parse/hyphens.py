"""Joins words that were hyphenated at the end of a line, and keeps hyphens that belong to the word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Set

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


def hyphen_joiner(lines: Iterable[str], mark: str) -> Callable[[str], str]:
    """A function that replaces `mark` between the halves of a word by nothing or by a hyphen.

    The document's own words decide: `adip|iscing` joins where `adipiscing` stands elsewhere or either half
    is no word; `carbon|free` keeps its hyphen where both are words and `carbonfree` is none. Before a
    capital or a digit a hyphen stays.

    >>> join = hyphen_joiner(["free carbon, a carbon|free lug|gage"], "|")
    >>> join("a carbon|free lug|gage, 2019|2020")
    'a carbon-free luggage, 2019-2020'
    """
    words: set[str] = set()
    broken = re.compile(rf"[\w-]*{re.escape(mark)}[\w{re.escape(mark)}-]*")
    for line in lines:
        words.update(_WORD.findall(broken.sub(" ", line).casefold()))
    halves = re.compile(rf"([\w-]*){re.escape(mark)}([\w-]*)")
    return lambda text: halves.sub(lambda m: _joined(m[1], m[2], words), text) if mark in text else text


def _joined(left: str, right: str, words: Set[str]) -> str:
    whole = f"{left}{right}".casefold()
    if not left or not right or not right[0].islower() or not left[-1].isalpha():
        return f"{left}-{right}"
    if whole in words:
        return left + right
    if f"{left}-{right}".casefold() in words:
        return f"{left}-{right}"
    # Two letters are a word by chance (`re`, `an`), so that only longer halves count.
    is_compound = min(len(left), len(right)) > 2 and {left.casefold(), right.casefold()} <= words
    return f"{left}-{right}" if is_compound else left + right
