"""Negation: whether a sentence denies what its source says, or says what its source denies.

Two readings, of which either finds a contradiction:

- *By word*: a word is negated where a negation stands shortly before it in its clause: `does not cover water`
  negates *cover* and *water*. What is negated on one side and never on the other is a contradiction.
- *By clause*: a clause denies where its negations and its verbs that negate (`refuses`, `запрещено`) are odd
  in number. A clause of one side whose content stands on the other side, and which denies on one side alone,
  is a contradiction, in whatever words it is told.

A side that says it by another word (`is excluded`, `кроме`) is taken to agree with a negation. `not only`,
`no later than` and `не более` are no negations.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from ragkit.verify.clauses import denied_clause
from ragkit.verify.cues import DENIES, EXCLUSIVE, SCOPED, in_condition, is_cue, is_negation
from ragkit.verify.nearly import Change
from ragkit.verify.same import alike, shared_terms
from ragkit.verify.words import Word, content, words

_REACH_WORDS, _REACH_HEADS = 5, 2
_SHARE_SAID = 0.5
_TOLD_ANEW = 2


def contradiction(said: str, evidence: Sequence[str]) -> str | None:
    """The word that one side negates and the other does not; None where they agree.

    Args:
        said: a sentence.
        evidence: the sentences of its source that it is held against.

    >>> contradiction("It covers water damage.", ["It does not cover water damage."])
    'cover'
    >>> contradiction("It is not sold.", ["It is sold."])
    'sold'
    """
    ours = words(said)
    source = [words(sentence) for sentence in evidence]
    return _denied_by_us(ours, source) or _denied_by_source(ours, source)


def turned_round(said: str, evidence: Sequence[str]) -> str | None:
    """The word by which a clause of one side denies what the other says; None where they agree.

    >>> turned_round("An event is sent when a bin changes.", ["Changes of bins do not send events."])
    'not'
    """
    return denied_clause(words(said), [words(sentence) for sentence in evidence])


def exchanged_negation(changed: Sequence[Change]) -> str | None:
    """A negation that only one side of a change has."""
    for change in changed:
        ours = [w for i, w in enumerate(change.ours) if is_negation(change.ours, i)]
        theirs = [w for i, w in enumerate(change.theirs) if is_negation(change.theirs, i)]
        if bool(ours) != bool(theirs):
            side, other = (change.ours, change.theirs) if ours else (change.theirs, change.ours)
            # What is left out together with its negation ("without restriction") is not turned round.
            cue = next(i for i, w in enumerate(side) if w in (ours or theirs))
            # `…, if there is no answer`: in Russian the negation ends what it denies.
            is_told = side[-1].is_content or (side[-1].lower == "нет" and len(side) > 1)
            is_whole = is_told and not any(w.is_content for w in other)
            if side[cue].lower in SCOPED and cue + 1 < len(side):
                is_whole = not any(alike(w.stem, o.stem) for w in side[cue + 1 :] for o in other)
            # Where several other words stand in its place the whole is told anew: clauses tell more of it.
            told_anew = [w for w in other if w.is_content and not any(alike(w.stem, s.stem) for s in side)]
            if len(told_anew) >= _TOLD_ANEW:
                continue
            if not is_whole and not any(w.stem.startswith(DENIES) for w in other):
                return (ours or theirs)[0].lower
    return None


def negated(listed: Sequence[Word], reach: int = _REACH_HEADS) -> list[list[Word]]:
    """For each negation of a sentence the first content words in its reach."""
    found: list[list[Word]] = []
    for i, word in enumerate(listed):
        if not is_negation(listed, i):
            continue
        heads: list[Word] = []
        for following in listed[i + 1 : i + 1 + _REACH_WORDS]:
            if following.is_break or len(heads) == reach:
                break
            if following.is_content:
                heads.append(following)
        if not heads and word.lower in ("нет", "no", "none"):
            heads = [w for w in listed[max(0, i - 2) : i] if w.is_content]
        found.append(heads)
    return found


def _denied_by_us(ours: Sequence[Word], source: Sequence[Sequence[Word]]) -> str | None:
    stated = {word.stem for listed in source for word in listed if word.is_content}
    for heads in negated(ours, 1):
        shared = [head for head in heads if head.stem in stated and not in_condition(ours, head)]
        for head in () if _is_contrast(ours, heads) else shared:
            holding = [listed for listed in source if any(w.stem == head.stem for w in listed)]
            if not any(_denies(listed) for listed in holding):
                return head.lower
    return None


def _is_contrast(listed: Sequence[Word], heads: Sequence[Word]) -> bool:
    """`…, not a shortened one` says what else it is not, and denies nothing."""
    if not heads:
        return False
    at = listed.index(heads[0])
    before = [word.lower for word in listed[max(0, at - 3) : at]]
    return any(pair in (",not", ",а", "andnot") for pair in map("".join, pairwise(before)))


def _denies(listed: Sequence[Word]) -> bool:
    """Whether a sentence has a negation, or says one by another word."""
    return any(
        is_cue(word) or is_negation(listed, i) or word.stem.startswith(DENIES) or word.lower in EXCLUSIVE
        for i, word in enumerate(listed)
    )


def _denied_by_source(ours: Sequence[Word], source: Sequence[Sequence[Word]]) -> str | None:
    if any(word.lower in EXCLUSIVE for word in ours):
        return None
    said = {word.stem for word in ours if word.is_content}
    denied = {head.stem for heads in negated(ours, 4) for head in heads}
    if any(word.stem.startswith(DENIES) for word in ours):
        return None
    affirmed = {
        word.stem
        for listed in source
        for word in listed
        if word.is_content and word.stem not in {h.stem for heads in negated(listed) for h in heads}
    }
    for listed in source:
        for heads in negated(listed, 1):
            for head in heads:
                clause = _clause_of(listed, head)
                near = len(clause & said) >= _SHARE_SAID * len(clause) or _is_scoped(listed, head)
                is_so = near and head.stem in said - denied - affirmed and not in_condition(listed, head)
                if is_so and not _is_better_told(said, listed, source):
                    return head.lower
    return None


def _is_better_told(said: Collection[str], denying: Sequence[Word], source: Sequence[Sequence[Word]]) -> bool:
    """Whether another sentence, that denies nothing, has as much of what is said."""
    shares = len(shared_terms(said, _content_of(denying)))
    return any(
        not _denies(listed) and len(shared_terms(said, _content_of(listed))) >= shares
        for listed in source
        if listed is not denying
    )


def _content_of(listed: Sequence[Word]) -> frozenset[str]:
    return frozenset(word.stem for word in listed if word.is_content)


def _is_scoped(listed: Sequence[Word], head: Word) -> bool:
    """Whether the negation before a word negates it alone: `without restriction`, `rather than dropping`."""
    at = listed.index(head)
    return any(word.lower in SCOPED for word in listed[max(0, at - 2) : at])


def _clause_of(listed: Sequence[Word], head: Word) -> frozenset[str]:
    """The content stems of the clause that a word stands in."""
    at = listed.index(head)
    start, end = at, at
    while start > 0 and not listed[start - 1].is_break:
        start -= 1
    while end + 1 < len(listed) and not listed[end + 1].is_break:
        end += 1
    return frozenset(word.stem for word in listed[start : end + 1] if word.is_content)


def overlap(said: str, sentence: str) -> float:
    """The share of a sentence's content words that `said` has too; 0 for a sentence without any."""
    theirs = content(sentence)
    return len(shared_terms(theirs, content(said))) / len(theirs) if theirs else 0.0
