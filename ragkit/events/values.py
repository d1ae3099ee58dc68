"""The events of an answer that is streamed, and what stages tell from which they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ragkit.types import Answer, Sentence, Usage


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of what the chat model writes, as it comes: nothing of it is checked, some of it may go.

    Args:
        text: not empty. What a model thinks, and its word for "no answer", are no part of it.
        draft: counts from 1. A new draft takes the place of the one before: a model was asked anew.
    """

    text: str
    draft: int = field(default=1, kw_only=True)


@dataclass(frozen=True, slots=True)
class Shown:
    """A sentence that was checked, at the end of those shown so far.

    Args:
        id: unique within its answer, rising.
        sentence: with its checked citations.
        text: the sentence with its markers, as it stands in `Answer.text`.
        gap: what stands between it and the sentence before it; not used for the first one.
    """

    id: int
    sentence: Sentence
    text: str = field(kw_only=True)
    gap: str = field(default=" ", kw_only=True)


@dataclass(frozen=True, slots=True)
class Retracted:
    """A sentence that was shown does not belong to the answer any more."""

    id: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What the answer has taken so far, after a call of a model. A stage tells what its call took."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Done:
    """The answer is whole. A stream that ends without it has broken off, and there is no answer.

    `rest` is the answer without what the other events told: its `sentences` are empty, and its `text` is
    empty where the shown sentences make it. An abstention has its words there, and JSON stands there whole.
    """

    rest: Answer


Event = Token | Shown | Retracted | Spent | Done


@dataclass(frozen=True, slots=True)
class Begun:
    """A stage tells that a model begins to write."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stage tells what of an answer that is being written has been checked, from its beginning on."""

    answer: Answer


Told = Begun | Token | Part | Spent
Emit = Callable[[Told], None]
