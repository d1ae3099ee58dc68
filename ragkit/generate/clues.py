"""What speaks for a sentence as the answer to a question: one row of numbers for each sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ragkit.generate.kinds import Kind, kind_of, places_of
from ragkit.text.relevance import Candidate, Relevance, priors

Floats = NDArray[np.float64]

CLUES: Final[tuple[str, ...]] = (
    "judged",  # the score of `ragkit.text.relevance`
    "judged to best",  # less that of the best sentence: 0 for it, else negative
    "cosine",
    "said",  # the share of the question's words that it says, by their rarity
    "said to best",
    "alike",  # the share that it says in another form: `assembly` for `assembled`
    "in neighbours",  # the share that the sentences around it say, and neither it nor its headings do
    "prior to best",  # its passage's score, less that of the best passage
    "first passage",
    "said of passage to best",  # what its passage says in all, less what the best one says
    "of its kind",  # holds what the question asks for: a number, a date, a name … that the question has not
    "not of its kind",  # and holds none, where the kind can be told
    "near words",  # how close that stands to the question's words
    "digits",  # the share of the question's numbers that it has
    "names near",  # the share of the question's names that its passage has, and it has not
    "new words",  # how many words it has that the question has not, as a logarithm
)
_WORD = re.compile(r"\w+(?:[-'’]\w+)*")
_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
# Two words are forms of one where they begin alike for this many letters and this share of the shorter one.
_PREFIX = 4
_ALIKE_SHARE = 0.7
# Sentences before, and one fewer after, that count as neighbours.
_BEFORE = 2
_AROUND_CHARS = 60
_UNTOLD: Final[frozenset[Kind]] = frozenset({"thing", "other", "yesno"})


@dataclass(frozen=True, slots=True)
class Clued:
    """The clues of sentences: a row for each, shape `[n, len(CLUES)]`, and the most that one passage says.

    `said_in_passage` is the largest share of the question's words that one passage and its headings say, by
    their rarity.
    """

    rows: Floats
    said_in_passage: float = field(kw_only=True)


def clues(question: str, candidates: Sequence[Candidate], relevance: Relevance) -> Clued:
    """The clues of each candidate.

    Args:
        question: as it was asked.
        candidates: those of a passage one after the other, in reading order.
        relevance: of the candidates.
    """
    kind = kind_of(question)
    spelt = _WORD.findall(question)
    asked = frozenset(word.lower() for word in spelt)
    names = frozenset(word.lower() for word in spelt[1:] if word[:1].isupper())
    digits = frozenset(_DIGITS.findall(question))
    bodies = [c.sentence.terms for c in candidates]
    keys = [c.passage.chunk.id for c in candidates]
    whole = _by_passage(keys, bodies)
    rows = np.zeros((len(candidates), len(CLUES)))
    in_all = np.zeros(len(candidates))
    for i, c in enumerate(candidates):
        near = frozenset[str]().union(
            *(
                bodies[j]
                for j in range(max(0, i - _BEFORE), min(len(keys), i + _BEFORE))
                if keys[j] == keys[i]
            )
        )
        said, alike, around, in_all[i] = _said(
            relevance.weights, bodies[i], relevance.headings[c.heading], near, whole[keys[i]]
        )
        here = _words(c.sentence.text)
        closeness = _closeness(kind, c.sentence.text, asked)
        unsaid = names - here
        rows[i, 3], rows[i, 5], rows[i, 6] = said, alike, around
        rows[i, 10:13] = closeness > 0, closeness == 0, max(closeness, 0.0)
        if digits:
            rows[i, 13] = len(digits & _numbers(c.sentence.text)) / len(digits) - 0.5
        if unsaid:
            rows[i, 14] = len(unsaid & _words(f"{c.heading} {c.passage.chunk.text}")) / len(names)
        rows[i, 15] = np.log1p(len(bodies[i] - relevance.weights.keys()))
    prior = priors(candidates)
    rows[:, 0], rows[:, 1] = relevance.scores, _to_best(relevance.scores)
    if relevance.cosines is not None:
        rows[:, 2] = relevance.cosines
    rows[:, 4], rows[:, 7], rows[:, 9] = _to_best(rows[:, 3]), _to_best(prior), _to_best(in_all)
    rows[:, 8] = rows[:, 7] == 0
    return Clued(rows, said_in_passage=float(in_all.max(initial=0.0)))


def _by_passage(keys: Sequence[str], bodies: Sequence[frozenset[str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for key, body in zip(keys, bodies, strict=True):
        found.setdefault(key, set()).update(body)
    return {key: frozenset(terms) for key, terms in found.items()}


def _to_best(values: NDArray[np.floating]) -> Floats:
    return np.asarray(values - values.max(initial=0.0), dtype=np.float64)


def _said(
    weights: Mapping[str, float],
    body: frozenset[str],
    heading: frozenset[str],
    near: frozenset[str],
    passage: frozenset[str],
) -> tuple[float, float, float, float]:
    """The shares of the question's words said by a sentence, said in another form, around it, and in all."""
    total = sum(weights.values())
    if not total:
        return 0.0, 0.0, 0.0, 0.0
    said = alike = around = other = 0.0
    prefixes = _by_prefix(body)
    for term, weight in weights.items():
        if term in body:
            said += weight
            continue
        likeness = _likeness(term, prefixes)
        alike += weight * likeness
        left = weight * (1 - likeness)
        if term in heading:
            other += left
        elif term in near:
            around += left
        elif term in passage:
            other += left
    return said / total, alike / total, around / total, (said + alike + around + other) / total


@lru_cache(maxsize=4096)
def _by_prefix(terms: frozenset[str]) -> Mapping[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for term in sorted(terms):
        if len(term) >= _PREFIX:
            table[term[:_PREFIX]] = (*table.get(term[:_PREFIX], ()), term)
    return table


def _likeness(term: str, prefixes: Mapping[str, tuple[str, ...]]) -> float:
    """What a term and the most alike word of a sentence begin with alike, as a share of the longer; or 0."""
    best = 0.0
    for other in prefixes.get(term[:_PREFIX], ()):
        shorter = min(len(term), len(other))
        n = _PREFIX
        while n < shorter and term[n] == other[n]:
            n += 1
        if n >= _ALIKE_SHARE * shorter:
            best = max(best, n / max(len(term), len(other)))
    return best


def _closeness(kind: Kind, text: str, asked: frozenset[str]) -> float:
    """How close to the question's words a place of the kind stands; 0 for none, -1 for untold kinds."""
    if kind in _UNTOLD:
        return -1.0
    best = 0.0
    for place in places_of(kind, text):
        words = _WORD.findall(place.of(text).lower())
        if not words or all(word in asked for word in words):
            continue
        if place.start == 0 and kind in {"person", "place"} and len(words) == 1:
            # Every sentence begins with a capital.
            best = max(best, 0.25)
            continue
        around = text[max(0, place.start - _AROUND_CHARS) : place.end + _AROUND_CHARS].lower()
        best = max(best, 0.5 + sum(len(w) > 3 and w in asked for w in _WORD.findall(around)) / 10)
    return best


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))


@lru_cache(maxsize=4096)
def _numbers(text: str) -> frozenset[str]:
    return frozenset(_DIGITS.findall(text))
