"""Clauses and whether each denies: negation read without regard to the one word that is negated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragkit.verify.cues import CONDITIONS, DENIES, EXCLUSIVE, SCOPED, is_denial, is_negation
from ragkit.verify.same import shared_terms
from ragkit.verify.synonyms import light_words
from ragkit.verify.words import Word

# Of a clause's content, what the other side must have, for both to be about the same.
_SAME_SHARE, _SAME_WORDS = 0.5, 2
_FEWEST_WORDS = 4
_JOIN_WORDS = "but while whereas because since although though so но а хотя поэтому поскольку"
_JOINS = frozenset(_JOIN_WORDS.split())


@dataclass(frozen=True, slots=True)
class Clause:
    """The content stems of a clause, whether it denies, and by which word."""

    content: frozenset[str]
    denies: bool
    cue: str = ""
    is_condition: bool = False
    denies_softly: bool = False


def clauses(listed: Sequence[Word]) -> list[Clause]:
    """The clauses of a sentence that have content.

    >>> from ragkit.verify.words import words
    >>> [clause.denies for clause in clauses(words("It never blocks closing, but it does not print."))]
    [False, True]
    """
    found: list[Clause] = []
    for start, end in _bounds(listed):
        clause = _clause(listed, start, end)
        if clause.content:
            found.append(clause)
    return found


def denied_clause(ours: Sequence[Word], source: Sequence[Sequence[Word]]) -> str | None:
    """The word by which one side denies what the other side says; None where they agree."""
    mine = clauses(ours)
    theirs = [clause for listed in source for clause in clauses(listed)]
    if any(word.lower in EXCLUSIVE for word in ours):
        return None
    is_hedged = any(word.lower == "unless" for word in ours) and any(
        word.lower in CONDITIONS for listed in source for word in listed
    )
    if is_hedged:
        return None
    return _turned(theirs, mine, _told(mine)) or _turned(mine, theirs, _told(theirs))


def _told(listed: Sequence[Clause]) -> frozenset[str]:
    """What is told as a fact: of conditions nothing."""
    return frozenset(stem for clause in listed if not clause.is_condition for stem in clause.content)


def _turned(denying: Sequence[Clause], other: Sequence[Clause], whole: frozenset[str]) -> str | None:
    """The word by which one of the clauses denies what another side says without denying."""
    for clause in denying:
        n_shared = _n_shared(clause, whole)
        if not clause.denies or clause.is_condition or n_shared < _SAME_SHARE * len(clause.content):
            continue
        about = [o for o in other if not o.is_condition and shared_terms(o.content, clause.content)]
        if not about or any(o.denies or o.denies_softly for o in about):
            continue
        # `It takes A and not B`: the other side may well be about the clause that does not deny.
        share = n_shared / len(clause.content)
        if any(
            not c.denies and _n_shared(c, whole) >= max(n_shared, share * len(c.content))
            for c in denying
            if c is not clause
        ):
            continue
        return clause.cue
    return None


def _n_shared(clause: Clause, whole: frozenset[str]) -> int:
    if len(clause.content) == 1:
        return len(clause.content & whole)
    shared = len(shared_terms(clause.content, whole))
    return shared if shared >= _SAME_WORDS else 0


def _bounds(listed: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Where clauses begin and end; a comma parts them where so many words follow that it is no list."""
    start = 0
    for i, word in enumerate(listed):
        is_condition = word.lower in CONDITIONS and i > start
        following = listed[i + 1].lower if i + 1 < len(listed) else ""
        joins = word.lower in _JOINS and following != "бы"
        if not (is_condition or joins or (word.is_break and _parts(listed, start, i))):
            continue
        if i > start:
            yield start, i
        start = i if is_condition else i + 1
    if start < len(listed):
        yield start, len(listed)


def _parts(listed: Sequence[Word], start: int, i: int) -> bool:
    if listed[i].text != "," or listed[start].lower in CONDITIONS:
        return True
    following = next((j for j in range(i + 1, len(listed)) if listed[j].is_break), len(listed))
    return following - i - 1 >= _FEWEST_WORDS


def _clause(listed: Sequence[Word], start: int, end: int) -> Clause:
    cues = [listed[i] for i in range(start, end) if is_negation(listed, i) and listed[i].lower not in SCOPED]
    # Two negations of one verb deny once in Russian: «никто не знает», «никогда не бывает».
    if any(w.lower in ("не", "нет") for w in cues):
        cues = [w for w in cues if not w.lower.startswith("ни")]
    verbs = [listed[i] for i in range(start, end) if is_denial(listed[i])]
    denying = [*cues, *verbs]
    content = frozenset(
        w.stem for w in listed[start:end] if w.is_content and w not in denying and w.stem not in light_words()
    )
    return Clause(
        content,
        len(denying) % 2 == 1,
        denying[0].lower if denying else "",
        any(w.lower in CONDITIONS for w in listed[start : start + 2]),
        any(w.stem.startswith(DENIES) for w in listed[start:end]),
    )
