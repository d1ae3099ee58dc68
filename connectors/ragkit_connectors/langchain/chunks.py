"""The pieces of a streamed answer: dictionaries that add up to the answer that `invoke` gives."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables.utils import AddableDict

from ragkit.events import Done, Event, Retracted, Shown, SoFar
from ragkit_connectors.bridge.told import answer_values, citation_values, rest_values


class AnswerChunk(AddableDict):
    """A piece of an answer: `answer` is text to be shown, `citations` the new ones, `events` ragkit's.

    The sum of all pieces of a stream is the whole answer, what was taken back on the way left out.
    """

    events: tuple[Event, ...] = ()

    def __add__(self, other: Any) -> AnswerChunk:
        if not isinstance(other, AnswerChunk):
            return NotImplemented
        return _sum((*self.events, *other.events))

    def __radd__(self, other: Any) -> AnswerChunk:
        return other.__add__(self) if isinstance(other, AnswerChunk) else NotImplemented


def chunk_of(event: Event, seen: set[Any]) -> AnswerChunk:
    """The piece that an event is.

    Args:
        seen: citations that were in earlier pieces; those of this one are added.
    """
    chunk = AnswerChunk()
    chunk.events = (event,)
    if isinstance(event, Shown):
        is_first = not seen
        chunk["answer"] = event.text if is_first else event.gap + event.text
        fresh = [c for c in dict.fromkeys(event.sentence.citations) if c not in seen]
        chunk["citations"] = [citation_values(c) for c in fresh]
        seen.update(fresh, [None])
    elif isinstance(event, Retracted):
        chunk["retracted"] = [event.id]
    elif isinstance(event, Done):
        if event.rest.text and not seen:
            chunk["answer"] = event.rest.text
        chunk.update(rest_values(event.rest))
    return chunk


def _sum(events: tuple[Event, ...]) -> AnswerChunk:
    events = tuple(event for event in events if isinstance(event, Shown | Retracted | Done))
    so_far, shown = SoFar(), {event.id for event in events if isinstance(event, Shown)}
    for event in events:
        # What a part of a stream takes back may have been shown in the part before it.
        if not isinstance(event, Retracted) or event.id in shown:
            so_far.take(event)
    if so_far.is_whole:
        whole = AnswerChunk(answer_values(so_far.answer()))
    else:
        citations = dict.fromkeys(c for sentence in so_far.sentences for c in sentence.citations)
        whole = AnswerChunk(answer=so_far.text, citations=[citation_values(c) for c in citations])
    whole.events = events
    return whole
