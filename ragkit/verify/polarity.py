"""Negation: whether a sentence denies what its source says, or says what its source denies.

A word is negated where a negation stands shortly before it in its clause: `does not cover water` negates
*cover* and *water*. What is negated on one side and never on the other is a contradiction. A source that says
it by another word (`is excluded`, `запрещено`) is taken to agree with a negation. `not only`, `no later than`
and `не более` are no negations.
"""

from __future__ import annotations

from collections.abc import Sequence

from ragkit.verify.nearly import Change
from ragkit.verify.words import Word, content, words

_CUE_WORDS = (
    "not no never without cannot neither nor none nobody nothing nowhere hardly unable не нет ни без вместо"
    " никогда нельзя невозможно никто никого ничего ничто нигде никак никакой никакие никаких"
)
_CUES = frozenset(_CUE_WORDS.split())
_CUE_PAIRS = frozenset({("rather", "than"), ("instead", "of"), ("out", "of")})
_NO_CUE_BEFORE_WORDS = (
    "only more later less fewer earlier longer than matter doubt just только более менее позднее позже ранее"
    " раньше больше меньше реже чаще выше ниже"
)
_NO_CUE_BEFORE = frozenset(_NO_CUE_BEFORE_WORDS.split())
_DENIES = (
    "refus", "reject", "forbid", "forbidden", "prohibit", "exclud", "except", "prevent", "deni", "unavail",
    "unsupport", "unchang", "impossibl", "lack", "absent", "missing", "fail", "ban", "disabl",
    "unless", "instead", "запрещ", "запрет", "отказ", "отклон", "исключ", "кром", "отсутств",
    "недоступ", "невозмож", "блокир", "отключ",
)  # fmt: skip
_REACH_WORDS, _REACH_HEADS = 5, 2
_SHARE_SAID = 0.5


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


def exchanged_negation(changed: Sequence[Change]) -> str | None:
    """A negation that only one side of a change has."""
    for change in changed:
        ours = [w for i, w in enumerate(change.ours) if is_negation(change.ours, i)]
        theirs = [w for i, w in enumerate(change.theirs) if is_negation(change.theirs, i)]
        if bool(ours) != bool(theirs):
            side, other = (change.ours, change.theirs) if ours else (change.theirs, change.ours)
            # What is left out together with its negation ("without restriction") is not turned round.
            is_whole = bool(side[-1].is_content) and not any(w.is_content for w in other)
            if not is_whole and not any(w.stem.startswith(_DENIES) for w in other):
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


def is_negation(listed: Sequence[Word], i: int) -> bool:
    """Whether the word at `i` negates what follows."""
    lower = listed[i].lower
    following = listed[i + 1].lower if i + 1 < len(listed) else ""
    if (lower, following) in _CUE_PAIRS:
        return True
    if not (lower in _CUES or lower.endswith("n't")):
        return False
    before = listed[i - 1].lower if i else ""
    return following not in _NO_CUE_BEFORE and before not in {"or", "или", "whether", "ли"}


def _denied_by_us(ours: Sequence[Word], source: Sequence[Sequence[Word]]) -> str | None:
    stated = {word.stem for listed in source for word in listed if word.is_content}
    has_cue = any(_denies(listed) for listed in source)
    for heads in negated(ours):
        shared = [head for head in heads if head.stem in stated]
        for head in shared[:1]:
            holding = [listed for listed in source if any(w.stem == head.stem for w in listed)]
            if not any(_denies(listed) for listed in holding):
                return head.lower
        if heads and not shared and not has_cue:
            return heads[0].lower
    return None


def _denies(listed: Sequence[Word]) -> bool:
    """Whether a sentence has a negation, or says one by another word."""
    return any(is_negation(listed, i) or listed[i].stem.startswith(_DENIES) for i in range(len(listed)))


def _denied_by_source(ours: Sequence[Word], source: Sequence[Sequence[Word]]) -> str | None:
    said = {word.stem for word in ours if word.is_content}
    denied = {head.stem for heads in negated(ours, 4) for head in heads}
    if any(word.stem.startswith(_DENIES) for word in ours):
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
                near = len(clause & said) >= _SHARE_SAID * len(clause)
                if near and head.stem in said - denied - affirmed:
                    return head.lower
    return None


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
    return len(theirs & content(said)) / len(theirs) if theirs else 0.0
