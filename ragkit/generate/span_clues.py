"""What speaks for a few words of a sentence as the short answer: a row of numbers for each run of words.

A run is told by its edges (the kinds of word within and without), its length, whether it is a place of the
kind that the question asks for (`kinds`), and how it lies to the words that the question has too. Each
clue counts once for all questions and once for those of one group of kinds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ragkit.generate.kinds import Kind, places_of
from ragkit.types import Span

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

MAX_WORDS: Final = 12
# Of a longer sentence what follows is not looked at.
MAX_SENTENCE_WORDS: Final = 80
_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|\w+(?:[-'’]\w+)*|[^\w\s]")
GROUPS: Final[Mapping[Kind, str]] = {
    "person": "name", "place": "name", "date": "date", "duration": "value", "money": "value",
    "percent": "value", "count": "value", "number": "value", "reason": "clause",
    "manner": "clause", "yesno": "clause", "thing": "thing", "other": "thing",
}  # fmt: skip
GROUP_NAMES: Final = ("all", "name", "date", "value", "clause", "thing")

_CLASSES: Final[tuple[tuple[str, str], ...]] = (
    ("article", "a an the this that these those its their his her our your каждый каждая этот эта это"
                " эти тот та те"
                " свой свои своего своей его её ее их"),
    ("of", "of"),
    ("in", "in at on within inside near в во на под у около внутри"),
    ("to", "to into toward towards к ко до"),
    ("by", "by через с со"),
    ("from", "from since out из от"),
    ("other preposition", "with for as about between among during under over after before through"
                          " against without than"
                          " per upon around via like для о об при между после перед без по за над про"
                          " чем как среди"
                          " из-за"),
    ("and", "and & и"),
    ("or", "or nor but или либо но а"),
    ("be", "is are was were be been being am это является являются был была было были быть стал стала"
           " стало стали"),
    ("auxiliary", "has have had do does did can could may might must will would shall should может могут"
                  " можно должен"
                  " должны нужно следует будет будут"),
    ("that", "that which who whom whose where when while because although if though so что который"
             " которая которое"
             " которые которых которой где когда чтобы если поскольку хотя потому"),
    ("pronoun", "it he she they we you i him them us me он она оно они мы вы я им ему ей"),
    ("not", "not no never не ни нет"),
    ("adverb", "also only just very about approximately around over nearly almost more most less least"
               " up также только"
               " более менее около примерно почти очень ещё еще уже"),
)  # fmt: skip
_CLASS_OF = {word: name for name, words in reversed(_CLASSES) for word in words.split()}
_SHAPES: Final = (
    "edge",
    "period",
    "comma",
    "quote",
    "bracket",
    "dash",
    "mark",
    "asked",
    "number",
    "capital",
    "verb",
    "word",
)
CLASSES: Final = tuple(dict.fromkeys((*(name for name, _ in _CLASSES), *_SHAPES)))
_INDEX = {name: n for n, name in enumerate(CLASSES)}
_VERBAL = re.compile(r"\w{2,}(?:ed|ing|ет|ит|ют|ят|ал|ла|ли|ло|ся|сь|ть|ны|на|но|ен|ли)$")
_LENGTHS: Final = (1, 2, 3, 4, 5, 7, 9, 12)
_PLACE_NAMES: Final = ("is a place", "in a place", "has a place", "cuts a place")
_SPAN_NAMES: Final = (
    *(f"{n} words" for n in _LENGTHS), *_PLACE_NAMES, "asked words",
    "has asked", "all asked", "all capitals", "digits", "has comma", "has preposition", "in quotes",
    "in brackets", "near left", "near right", "far", "head before", "head after", "head within",
    "last of sentence", "first of sentence", "has dash",
)  # fmt: skip
_EDGE_NAMES: Final = tuple(
    f"{where} {name}" for where in ("before", "first", "last", "after") for name in CLASSES
)
CLUES: Final = (*_EDGE_NAMES, *_SPAN_NAMES)
_COLUMN = {name: len(_EDGE_NAMES) + n for n, name in enumerate(_SPAN_NAMES)}
# Words that begin with the same letters, so many, count as forms of one.
_STEM: Final = 5
_FAR: Final = 8
_OPENING, _CLOSING = "\"“«'„", "\"”»'“"
_HEAD = re.compile(
    r"\b(?:what|which|how many|how much|сколько|как(?:ой|ая|ое|ие|ом|ую|ого|ому|им|ими"
    r"|их))\s+(?:\w+\s+)?(\w+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of words of a sentence: their places in it, and a row of clues each, `[n, len(CLUES)]`."""

    spans: tuple[Span, ...]
    rows: Floats


def runs_of(text: str, question: str, kind: Kind) -> Runs:
    """The runs of at most `MAX_WORDS` words that begin and end in a word, each with its clues.

    >>> runs = runs_of("It lasts 24 months.", "How long is it?", "duration")
    >>> "24 months" in [span.of("It lasts 24 months.") for span in runs.spans]
    True
    """
    tokens = list(_TOKEN.finditer(text))[:MAX_SENTENCE_WORDS]
    words = [token[0] for token in tokens]
    starts, ends = _edges(words)
    rows = np.zeros((len(starts), len(CLUES)), dtype=np.float32)
    if not len(starts):
        return Runs((), rows)
    asked = _stems(question)
    is_asked = [w[0].isalnum() and w not in _CLASS_OF and w[:_STEM] in asked for w in map(str.lower, words)]
    classes = [_class(word, n, is_asked[n]) for n, word in enumerate(words)]
    index = np.array([_INDEX["edge"], *(_INDEX[c] for c in classes), _INDEX["edge"]])
    at, k = np.arange(len(starts)), len(CLASSES)
    for n, which in enumerate((starts, starts + 1, ends, ends + 1)):
        rows[at, n * k + index[which]] = 1
    begins = np.array([token.start() for token in tokens])[starts]
    finishes = np.array([token.end() for token in tokens])[ends - 1]
    columns = {
        **_lengths(ends - starts),
        **_places(kind, text, begins, finishes),
        **_within(words, classes, is_asked, starts, ends),
        **_around(words, is_asked, _head(question), starts, ends),
    }
    for name, values in columns.items():
        rows[:, _COLUMN[name]] = values
    spans = tuple(Span(int(a), int(b)) for a, b in zip(begins, finishes, strict=True))
    return Runs(spans, rows)


def _lengths(n_words: Ints) -> dict[str, NDArray[np.bool_]]:
    pairs = zip((0, *_LENGTHS), _LENGTHS, strict=False)
    return {f"{high} words": (n_words > low) & (n_words <= high) for low, high in pairs}


def _places(kind: Kind, text: str, begins: Ints, finishes: Ints) -> dict[str, NDArray[np.bool_]]:
    found = {name: np.zeros(len(begins), dtype=bool) for name in _PLACE_NAMES}
    for place in places_of(kind, text):
        inside = (begins >= place.start) & (finishes <= place.end)
        holds = (begins <= place.start) & (finishes >= place.end)
        touches = (begins < place.end) & (finishes > place.start)
        for name, is_so in zip(
            _PLACE_NAMES,
            (inside & holds, inside & ~holds, holds & ~inside, touches & ~inside & ~holds),
            strict=True,
        ):
            found[name] |= is_so
    return found


def _within(
    words: list[str], classes: list[str], is_asked: list[bool], starts: Ints, ends: Ints
) -> dict[str, NDArray[Any]]:
    """What a run is made of."""

    def count(flags: list[bool]) -> Ints:
        total = np.concatenate(([0], np.cumsum(flags)))
        return np.asarray(total[ends] - total[starts])

    n_words, asked = count([w[0].isalnum() for w in words]), count(is_asked)
    return {
        "asked words": asked / np.maximum(n_words, 1),
        "has asked": asked > 0,
        "all asked": asked == n_words,
        "all capitals": count([w[0].isupper() for w in words]) == n_words,
        "digits": count([w[0].isdigit() for w in words]) > 0,
        "has comma": count([w in {",", ";", ":"} for w in words]) > 0,
        "has preposition": count([c in _PREPOSITIONS for c in classes]) > 0,
        "has dash": count([w in {"—", "–", "-"} for w in words]) > 0,
        "last of sentence": ends >= len(words) - 1,
        "first of sentence": starts == 0,
    }


def _around(
    words: list[str], is_asked: list[bool], head: str | None, starts: Ints, ends: Ints
) -> dict[str, NDArray[Any]]:
    """How a run lies to quotation marks, brackets, and the words that the question has too."""
    marks = [" ", *words, " "]
    left, right = _distances(is_asked)
    heads = np.concatenate(([0], np.cumsum([head is not None and w.lower()[:_STEM] == head for w in words])))
    last = len(words)
    return {
        "in quotes": _is_one(marks, _OPENING)[starts] & _is_one(marks, _CLOSING)[ends + 1],
        "in brackets": _is_one(marks, "(")[starts] & _is_one(marks, ")")[ends + 1],
        "near left": 1 / (1 + left[starts]),
        "near right": 1 / (1 + right[ends]),
        "far": np.minimum(left[starts], right[ends]) > _FAR,
        "head before": heads[starts] > heads[np.maximum(starts - 2, 0)],
        "head after": heads[np.minimum(ends + 2, last)] > heads[ends],
        "head within": heads[ends] > heads[starts],
    }


def _is_one(words: list[str], of: str) -> NDArray[np.bool_]:
    return np.array([word in of for word in words])


_OPENS: Final = frozenset("$€£₽−#")
_CLOSES: Final = frozenset("%€$₽°")
_PREPOSITIONS: Final = frozenset({"of", "in", "to", "by", "from", "other preposition"})


def _edges(words: list[str]) -> tuple[Ints, Ints]:
    """First word and the one behind the last, of each run that begins and ends in a word or a unit."""
    opens = [w[0].isalnum() or w in _OPENS for w in words]
    closes = [w[0].isalnum() or w in _CLOSES for w in words]
    # A point behind one or two letters is that of an initial or of an abbreviation.
    stops = [w in {";", "!", "?", "|"} or (w == "." and len(v) > 2) for v, w in pairwise(("", *words))]
    n_stops = np.concatenate(([0], np.cumsum(stops)))
    pairs = [
        (i, j)
        for i, may_open in enumerate(opens)
        if may_open
        for j in range(i + 1, min(len(words), i + MAX_WORDS) + 1)
        if closes[j - 1] and n_stops[j] == n_stops[i]
    ]
    made = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return made[:, 0], made[:, 1]


def _class(word: str, at: int, is_asked: bool) -> str:
    known = _CLASS_OF.get(word.lower())
    if known is not None:
        return known
    if not word[0].isalnum():
        if word in {".", ";", "!", "?", "|"}:
            return "period"
        if word == "," or word == ":":
            return "comma"
        if word in "\"“”«»'„’":
            return "quote"
        if word in "()[]":
            return "bracket"
        return "dash" if word in "—–-" else "mark"
    if is_asked:
        return "asked"
    if word[0].isdigit():
        return "number"
    if word[0].isupper() and at > 0:
        return "capital"
    return "verb" if _VERBAL.match(word) else "word"


def _stems(question: str) -> frozenset[str]:
    found = (token[0] for token in _TOKEN.finditer(question.lower()))
    return frozenset(w[:_STEM] for w in found if w[0].isalnum() and w not in _CLASS_OF and len(w) > 1)


def _head(question: str) -> str | None:
    """The noun that the question asks for: `role` of "Which role may …?"."""
    found = _HEAD.search(question)
    return found[1].lower()[:_STEM] if found else None


def _distances(is_asked: list[bool]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each gap between words, how far to the left and the right the next asked one is; 20 for none."""
    n = len(is_asked)
    left, right = np.full(n + 1, 20.0), np.full(n + 1, 20.0)
    for i in range(n):
        left[i + 1] = 0.0 if is_asked[i] else min(20.0, left[i] + 1)
        right[n - 1 - i] = 0.0 if is_asked[n - 1 - i] else min(20.0, right[n - i] + 1)
    return left, right
