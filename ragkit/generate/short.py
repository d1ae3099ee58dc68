"""The short answer: a few words of a sentence that say what was asked for, by their exact place.

A reader finds them. The contract (`SpanReader`): it is given a question and texts, each of a sentence or a
few, and gives for each text, in order, one `Reading`:

- `spans` are in characters of that text, end exclusive, within it and not empty, the likeliest first, at most
  `MAX_SPANS`, each with its probability to be the answer that a person would give;
- `unanswerable` is the probability that the text does not answer; the reader that comes with ragkit can
  not tell and says 0, since how likely the sentence answers is judged before (`ragkit.generate.odds`);
- all these probabilities of a text add up to 1 at most;
- the same question and text give the same reading, whatever else is asked in the same call.

A reader with a model of its own takes the place of `LinearReader` in `ExtractiveGenerate.reader`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ragkit.generate.kinds import Kind, kind_of, places_of
from ragkit.generate.span_clues import CLUES, GROUP_NAMES, GROUPS, runs_of
from ragkit.types import Span

MAX_SPANS: Final = 5
# What these lead over to is cut off; in capitals they are names: `shelf A`.
_LEADS_ON = re.compile(
    r"(?:^|\s)(?:an?|the|of|at|to|from|with|for|and|or|than|и|или|в|на|с|со|к|ко|от|из|для|без|при|по|о|об)$"
)
# A number before these belongs to what stands before it: `(since version) 3.0 the scanner`.
_BEGINS_ANEW = re.compile(r"\d\s+(?:the|this|these|its|their|этот|эта|это|эти)\s")
# How and why are told in a sentence, and yes or no is not a place of a text.
_TOLD_AT_LENGTH: Final[frozenset[Kind]] = frozenset({"reason", "manner", "yesno", "other"})


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """A place in a text and its probability to be the answer."""

    span: Span
    probability: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found in a text, the likeliest first, and how likely the text does not answer."""

    spans: tuple[ScoredSpan, ...]
    unanswerable: float = field(default=0.0, kw_only=True)


class SpanReader(Protocol):
    """Finds short answers; the contract is at the top of this file."""

    def read(self, question: str, texts: Sequence[str]) -> list[Reading]:
        """One reading for each text, in order."""
        ...


class LinearReader:
    """Weighs every run of up to twelve words by its clues; the weights lie in `spans.json`.

    They are made by `evals/answer_spans.py`, which says on what.

    >>> text = "The warranty of the Wick 5 lasts 24 months."
    >>> (reading,) = LinearReader().read("How long is the warranty of the Wick 5?", [text])
    >>> reading.spans[0].span.of(text)
    '24 months'
    """

    def read(self, question: str, texts: Sequence[str]) -> list[Reading]:
        """One reading for each text, in order."""
        return [_read(question, text) for text in texts]


def may_be_short(question: str, words: str) -> bool:
    """Whether a few words can be the answer to a question: where it asks for a number, they hold one.

    Words that break off in an article or a preposition are none, nor is a number with the next clause.

    >>> may_be_short("How long is it?", "24 months"), may_be_short("How long is it?", "the page")
    (True, False)
    >>> may_be_short("Why is it so long?", "24 months")
    False
    >>> may_be_short("On which port does it listen?", "3.0 the scanner")
    False
    """
    if _LEADS_ON.search(words) or _BEGINS_ANEW.search(words):
        return False
    kind = kind_of(question)
    if kind in _TOLD_AT_LENGTH:
        return False
    return GROUPS[kind] not in {"value", "date"} or bool(places_of(kind, words))


def _read(question: str, text: str) -> Reading:
    kind = kind_of(question)
    runs = runs_of(text, question, kind)
    if not runs.spans:
        return Reading(())
    values = runs.rows @ _weights()[GROUPS[kind]]
    odds = np.exp(values - values.max())
    order = np.argsort(-odds, kind="stable")[:MAX_SPANS].tolist()
    total = float(odds.sum())
    return Reading(tuple(ScoredSpan(runs.spans[i], float(odds[i]) / total) for i in order))


@lru_cache(maxsize=1)
def _weights() -> dict[str, NDArray[np.float32]]:
    """By group: what a clue weighs for all questions and for those of the group, together."""
    table = json.loads((files("ragkit.generate") / "spans.json").read_text(encoding="utf-8"))["weights"]
    rows = {
        group: np.array([table[group].get(clue, 0.0) for clue in CLUES], dtype=np.float32)
        for group in GROUP_NAMES
    }
    return {group: rows["all"] + row for group, row in rows.items() if group != "all"}
