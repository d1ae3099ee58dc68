"""Answers as a language model would write them from passages, faithful ones and ones that went wrong.

Nothing here comes from what checks them: sentences are cut, numbers, names and negations found by rules of
this folder alone, so that a blind spot of the checks is not one of the test too. `written` makes faithful
answers, `changes` changes one sentence, `mishaps` spoils a whole text, and `replies` are what a scripted
model sends: with why it stopped, as JSON, broken JSON, or cut in the middle of the stream.
"""

from __future__ import annotations

# Scripts import this folder by its name, tests as a part of `evals`.
# ruff: noqa: TID252
import random
import re
from collections.abc import Sequence

from .changes import CHANGES, names_in
from .mishaps import MISHAPS, mishap
from .replies import CUT, JSON_MISHAPS, SCHEMA, Sent, cut_stream, json_reply
from .written import Written, faithful, rendered, sentences_of

__all__ = [
    "CUT",
    "JSON_MISHAPS",
    "KINDS",
    "MISHAPS",
    "SCHEMA",
    "Sent",
    "Written",
    "corrupted",
    "cut_stream",
    "faithful",
    "json_reply",
    "mishap",
    "names_in",
    "sentences_of",
]

KINDS = ("index out of range", "index of another passage", *CHANGES)


def corrupted(kind: str, passages: Sequence[str], names: Sequence[str], rng: random.Random) -> Written | None:
    """A faithful answer with one sentence corrupted; None where none of its sentences lends itself to it."""
    base = faithful(passages, rng)
    if base is None:
        return None
    told = list(base.sentences)
    at = rng.randrange(len(told))
    sentence, number = told[at]
    numbers: list[int | str] = [n for _, n in told]
    wrong = 0
    if kind == "index out of range":
        numbers[at] = rng.choice([0, len(passages) + 1, len(passages) + 4, 99])
    elif kind == "index of another passage":
        others = [
            n for n in range(1, len(passages) + 1) if n != number and not _says(passages[n - 1], sentence)
        ]
        if not others:
            return None
        numbers[at] = wrong = rng.choice(others)
    else:
        changed = CHANGES[kind](sentence, passages[number - 1], names, rng)
        if changed is None or changed == sentence or changed in "\n".join(passages):
            return None
        told[at] = (changed, number)
    return Written(rendered(told, rng, numbers), tuple(told), kind, at, wrong)


def _says(passage: str, sentence: str) -> bool:
    """Whether a passage shares so many words with a sentence that it may well say the same."""
    asked = set(re.findall(r"\w{4,}", sentence.lower()))
    return len(asked & set(re.findall(r"\w{4,}", passage.lower()))) >= 0.5 * len(asked)
