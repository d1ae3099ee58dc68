"""From events back to the answer."""

from __future__ import annotations

from collections.abc import Iterable

from ragkit.events.values import Done, Event, Retracted, Shown
from ragkit.types import Answer, Sentence


class SoFar:
    """What of an answer can be seen after some of its events. It is no answer before `is_whole`.

    >>> so_far = SoFar()
    >>> so_far.take(Shown(1, Sentence("It lasts two years."), text="It lasts two years. [1]"))
    >>> so_far.text, so_far.is_whole
    ('It lasts two years. [1]', False)
    """

    def __init__(self) -> None:
        self._shown: dict[int, Shown] = {}
        self._done: Done | None = None

    def take(self, event: Event) -> None:
        """Goes on by one event.

        Raises:
            ValueError: it takes back what is not shown, or comes after the answer was whole.
        """
        if self._done is not None:
            raise ValueError(f"{type(event).__name__} comes after Done")
        if isinstance(event, Shown):
            self._shown[event.id] = event
        elif isinstance(event, Retracted):
            if self._shown.pop(event.id, None) is None:
                raise ValueError(f"sentence {event.id} is taken back, and is not shown")
        elif isinstance(event, Done):
            self._done = event

    @property
    def is_whole(self) -> bool:
        """Whether there is an answer."""
        return self._done is not None

    @property
    def shown(self) -> tuple[Shown, ...]:
        """What is shown, in order."""
        return tuple(self._shown.values())

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """The sentences that are shown, in order, each checked."""
        return tuple(piece.sentence for piece in self._shown.values())

    @property
    def text(self) -> str:
        """The sentences that are shown, with their markers; the text of the answer once that is whole."""
        if self._done is not None and self._done.rest.text:
            return self._done.rest.text
        return "".join(
            piece.text if i == 0 else piece.gap + piece.text for i, piece in enumerate(self._shown.values())
        )

    def answer(self) -> Answer:
        """The answer, once it is whole.

        Raises:
            ValueError: it is not, and never will be where the stream has ended.
        """
        if self._done is None:
            raise ValueError("the events end without Done: the stream broke off, and there is no answer")
        return self._done.rest.with_(text=self.text, sentences=self.sentences)


def fold(events: Iterable[Event]) -> Answer:
    """The answer that a stream of events tells: the same that `aask` gives.

    Raises:
        ValueError: the events do not end with `Done`, or take back what is not shown.
    """
    so_far = SoFar()
    for event in events:
        so_far.take(event)
    return so_far.answer()
