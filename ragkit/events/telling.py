"""From what stages tell to events: the difference between what is shown and what is known by now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Lock
from time import perf_counter

from ragkit.events.pieces import Piece, joined, pieces
from ragkit.events.values import Begun, Done, Event, Retracted, Shown, Spent, Token, Told
from ragkit.types import Answer, Usage


class Telling:
    """Makes the events of one answer.

    Stages tell parts of it, each from its beginning; at the end the answer itself is told. Of each what is
    new is shown, and what was shown and is not so any more is taken back. So the events always fold to the
    answer, whatever was told before. A part that says no more than an earlier one takes nothing back, for a
    new draft may well come to the same.

    Args:
        listener: is given each event, one at a time, from the thread in which a stage tells.
    """

    def __init__(self, listener: Callable[[Event], None]) -> None:
        self._listener = listener
        self._shown: list[tuple[int, Piece]] = []
        self._part: tuple[Piece, ...] = ()
        self._ids = self._drafts = 0
        self._usage = Usage(input_tokens=0, output_tokens=0, usd=0.0)
        self._start_s = perf_counter()
        self._has_ended = False
        self._lock = Lock()
        self.facts: dict[str, object] = {}
        """`first_token_s` and `first_sentence_s` after the question was asked, once there was one."""

    def hear(self, told: Told) -> None:
        """Takes what a stage tells, from any thread. What comes after the end is not heard."""
        with self._lock:
            if self._has_ended:
                return
            if isinstance(told, Begun):
                self._drafts += 1
            elif isinstance(told, Token):
                self._first("first_token_s")
                self._listener(replace(told, draft=max(1, self._drafts)))
            elif isinstance(told, Spent):
                self._usage = _sum(self._usage, told.usage, perf_counter() - self._start_s)
                self._listener(Spent(self._usage))
            else:
                self._part = pieces(told.answer, self._part)
                self._turn_to(self._part, is_whole=False)

    def finish(self, answer: Answer) -> None:
        """Tells the answer, and that it is whole."""
        with self._lock:
            found = pieces(answer)
            self._turn_to(found, is_whole=True)
            self._has_ended = True
            text = "" if joined(found) == answer.text else answer.text
            self._listener(Done(answer.with_(text=text, sentences=())))

    def _turn_to(self, wanted: Sequence[Piece], *, is_whole: bool) -> None:
        """Takes back and shows what makes `wanted` of what is shown; where it is a part, what it leaves open
        stays."""
        kept: list[tuple[int, Piece]] = []
        n_said = 0
        for shown in self._shown:
            if n_said == len(wanted) and not is_whole:
                kept.append(shown)
            elif n_said < len(wanted) and _is_same(shown[1], wanted[n_said], is_first=n_said == 0):
                kept.append(shown)
                n_said += 1
            else:
                self._listener(Retracted(shown[0]))
        self._shown = kept
        for piece in wanted[n_said:]:
            self._first("first_sentence_s")
            self._ids += 1
            self._shown.append((self._ids, piece))
            self._listener(Shown(self._ids, piece.sentence, text=piece.text, gap=piece.gap))

    def _first(self, fact: str) -> None:
        self.facts.setdefault(fact, round(perf_counter() - self._start_s, 6))


def _is_same(shown: Piece, wanted: Piece, *, is_first: bool) -> bool:
    if is_first:
        return (shown.sentence, shown.text) == (wanted.sentence, wanted.text)
    return shown == wanted


def _sum(first: Usage, second: Usage, seconds: float) -> Usage:
    """What two calls took together; unknown where one of them is."""

    def both(a: int | None, b: int | None) -> int | None:
        return None if a is None or b is None else a + b

    return Usage(
        seconds,
        input_tokens=both(first.input_tokens, second.input_tokens),
        output_tokens=both(first.output_tokens, second.output_tokens),
        usd=None if first.usd is None or second.usd is None else first.usd + second.usd,
    )
