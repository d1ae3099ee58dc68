"""What happens while an answer is made, as values, and the fold that makes the answer of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ragkit.types import Answer, Sentence, Usage


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of what the chat model writes, as it comes: nothing of it is checked, some of it may go."""

    text: str


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
    """What the answer has taken so far, after a call of a model."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Done:
    """The answer is whole. A stream that ends without it has broken off, and there is no answer.

    `rest` is the answer without what the other events told: its `sentences` are empty, and its `text` is
    that of an abstention, or empty where the shown sentences make it.
    """

    rest: Answer


Event = Token | Shown | Retracted | Spent | Done
Emit = Callable[[Event], None]


def fold(events: Iterable[Event]) -> Answer:
    """The answer that a stream of events tells: the same that `aask` gives.

    Raises:
        ValueError: the events do not end with `Done`, or take back what was not shown.
    """
    shown: dict[int, Shown] = {}
    for event in events:
        if isinstance(event, Shown):
            shown[event.id] = event
        elif isinstance(event, Retracted):
            if shown.pop(event.id, None) is None:
                raise ValueError(f"sentence {event.id} is taken back, and was not shown")
        elif isinstance(event, Done):
            return _whole(event.rest, list(shown.values()))
    raise ValueError("the events end without Done: the stream broke off, and there is no answer")


def _whole(rest: Answer, shown: list[Shown]) -> Answer:
    text = rest.text
    if not text:
        text = "".join(piece.text if i == 0 else piece.gap + piece.text for i, piece in enumerate(shown))
    return rest.with_(text=text, sentences=tuple(piece.sentence for piece in shown))
