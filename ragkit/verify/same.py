"""Which terms of a claim a sentence has: in whatever form, by another word, or as the same quantity."""

from __future__ import annotations

import functools
from collections.abc import Collection

from ragkit.text.number_words import WRITTEN
from ragkit.verify.numbers import agree, quantities
from ragkit.verify.synonyms import synonym_groups

# What words of one family share at their start: `configur` and `config`, `перевозк` and `перевозит`.
_FAMILY_LETTERS, _FAMILY_SHARE = 5, 0.7
_WHOLE_LETTERS = 4


def shared_terms(terms: Collection[str], sentence: frozenset[str]) -> set[str]:
    """Of the terms of a claim those that a sentence with these terms has, in whatever form.

    >>> sorted(shared_terms(["purchas", "licens", "configur", "sale"], frozenset(["buy", "config"])))
    ['configur', 'purchas']
    """
    groups, starts = _read(sentence)
    known = synonym_groups()
    return {
        term
        for term in terms
        if term in sentence or known.get(term, _NONE) & groups or _is_of_family(term, starts)
    }


def alike(one: str, other: str) -> bool:
    """Whether two stems are of one family of words, or say the same."""
    return bool(shared_terms((one,), frozenset((other,))))


def same_quantities(claim: str, sentence: str) -> set[str]:
    """The number terms of a claim that a sentence states in another way: `21 days` for `three weeks`.

    >>> same_quantities("within three weeks", "within 21 days")
    {'three'}
    """
    stated = quantities(sentence)
    if not stated:
        return set()
    return {
        quantity.written.lower() if quantity.written.isalpha() else quantity.bare
        for quantity in quantities(claim)
        if any(agree(quantity, other) for other in stated)
    }


def is_number(term: str) -> bool:
    """Whether a term is a number, in digits or in words."""
    return term[0].isdecimal() or term in WRITTEN


_NONE: frozenset[int] = frozenset()


@functools.lru_cache(maxsize=4096)
def _read(sentence: frozenset[str]) -> tuple[frozenset[int], dict[str, tuple[str, ...]]]:
    known = synonym_groups()
    groups = frozenset(number for term in sentence for number in known.get(term, _NONE))
    starts: dict[str, tuple[str, ...]] = {}
    for term in sentence:
        if len(term) >= _WHOLE_LETTERS and term.isalpha():
            start = term[:_WHOLE_LETTERS]
            starts[start] = (*starts.get(start, ()), term)
    return groups, starts


def _is_of_family(term: str, starts: dict[str, tuple[str, ...]]) -> bool:
    if len(term) < _WHOLE_LETTERS or not term.isalpha():
        return False
    return any(_are_family(term, other) for other in starts.get(term[:_WHOLE_LETTERS], ()))


def _are_family(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    common = 0
    while common < len(short) and short[common] == long[common]:
        common += 1
    if common == len(short) and len(long) - common <= _FAMILY_LETTERS:
        return True
    return common >= _FAMILY_LETTERS and common >= _FAMILY_SHARE * len(long)
