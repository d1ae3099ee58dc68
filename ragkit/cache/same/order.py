"""Who does what to whom, and from where to where: the same words in other places are another question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ragkit.verify.words import Word, words

_FROM: Final = frozenset({"from", "с", "со", "из", "от"})
_TO: Final = frozenset({"to", "into", "onto", "на", "в", "во", "к", "до"})
# Between two words, these say which of them is which.
_JOINING: Final = (
    _FROM
    | _TO
    | frozenset({"than", "before", "after", "by", "for", "of", "over", "with", "чем", "после", "перед"})
)


def other_order(one: str, other: str) -> str | None:
    """The words that have exchanged their places, where that changes what is asked.

    A word that has only moved changes nothing: `Is overtime paid?`, `How do you pay overtime?`. Russian tells
    who does what by endings, so there both words must have changed theirs, unless a preposition tells.

    >>> other_order("Does the buyer pay the seller?", "Does the seller pay the buyer?")
    'buyer and seller'
    >>> other_order("from MySQL to PostgreSQL?", "to PostgreSQL from MySQL?") is None
    True
    """
    ours, theirs = words(one), words(other)
    mine, its = _ends(ours), _ends(theirs)
    if mine and its and mine.keys() == its.keys() and len(mine) == 2:
        if mine == its:
            return None
        if set(mine.values()) == set(its.values()):
            return " and ".join(sorted(mine.values()))
    return _exchanged(ours, theirs)


def _ends(listed: Sequence[Word]) -> Mapping[str, str]:
    """What stands after `from` and after `to`, where both are there."""
    found: dict[str, str] = {}
    for i, word in enumerate(listed):
        role = "from" if word.lower in _FROM else "to" if word.lower in _TO else ""
        following = [w for w in listed[i + 1 : i + 4] if w.is_content or _is_letter(w)]
        if role and following:
            # `to` before a verb comes first: `How to migrate to …`.
            found[role] = following[0].stem
            if len(following) > 1 and _is_letter(following[1]):
                found[role] += f" {following[1].lower}"
    return found if len(found) == 2 else {}


def _is_letter(word: Word) -> bool:
    return len(word.text) == 1 and word.text.isupper()


def _exchanged(ours: Sequence[Word], theirs: Sequence[Word]) -> str | None:
    shared = {w.stem for w in ours if w.is_content} & {w.stem for w in theirs if w.is_content}
    one = [w for w in ours if w.stem in shared and w.is_content]
    other = [w for w in theirs if w.stem in shared and w.is_content]
    if len(one) != len(other) or len({w.stem for w in one}) != len(one):
        return None
    moved = [i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a.stem != b.stem]
    if len(moved) != 2:
        return None
    first, second = moved
    if one[first].stem != other[second].stem or one[second].stem != other[first].stem:
        return None
    is_joined = _is_joined(ours, one[first], one[second]) and _is_joined(theirs, other[first], other[second])
    if _tells_by_endings(one) and not is_joined:
        is_turned = one[first].lower != other[second].lower and one[second].lower != other[first].lower
        return _named(one[first], one[second]) if is_turned else None
    if second - first > 1 or is_joined:
        return _named(one[first], one[second])
    return None


def _is_joined(listed: Sequence[Word], first: Word, second: Word) -> bool:
    between = listed[listed.index(first) + 1 : listed.index(second)]
    return any(word.lower in _JOINING for word in between)


def _tells_by_endings(listed: Sequence[Word]) -> bool:
    return any("а" <= letter <= "я" for word in listed for letter in word.lower)


def _named(first: Word, second: Word) -> str:
    return f"{first.lower} and {second.lower}"
