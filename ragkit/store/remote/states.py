"""The record of commits as a row of states, on servers that change nothing under a condition.

Such a server may still refuse to make something of a name that is taken. So each state of the record is a
thing of its own, named by its number: who wants to change state 7 makes state 8, and of two that want to
one does. The state with the greatest number holds; old ones are deleted now and then, the oldest first.

A process remembers which state it saw last, so that it need not list all: where that is still there, word
for word, no later one was deleted, and it is enough to ask for its successors. A state that a sleeping
writer makes under a number that was deleted meanwhile lies below the one that holds, and nobody remembers
it.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ragkit.errors import CorruptIndexError, StoreError, TransientStoreError

_MOST_ROUNDS = 20
_KEPT = 8  # old states that stay, for processes that saw them last


@dataclass(frozen=True, slots=True)
class State:
    """One state of the record: its number, and what was said when it was made, which no other state says."""

    number: int
    said: str


class States(ABC):
    """The states of one index. A connector says how one is made, read, listed and deleted."""

    def __init__(self, where: str, restore: str) -> None:
        self._where, self._restore = where, restore
        self.seen: State | None = None

    @abstractmethod
    def payload(self, state: State) -> dict[str, Any]:
        """What a state says of the index.

        Raises:
            CorruptIndexError: it cannot be read.
        """

    @abstractmethod
    def change(self, number: int, payload: Mapping[str, Any]) -> bool:
        """Makes the state of a number; whether this call did, and nobody else before."""

    @abstractmethod
    def make(self, number: int, said: str) -> bool:
        """Makes a state; whether this call certainly did. False where there is one of this number."""

    @abstractmethod
    def said(self, number: int) -> str | None:
        """What a state says; None where there is none."""

    @abstractmethod
    def numbers(self) -> dict[int, str]:
        """All states by number, with what they say."""

    @abstractmethod
    def drop(self, number: int) -> None:
        """Deletes a state."""

    def head(self) -> dict[str, Any] | None:
        """What the state with the greatest number says; see `RemoteServer.head`."""
        found = self.current()
        return None if found is None else self.payload(found)

    def change_head(self, values: Mapping[str, Any], expected: Mapping[str, str | int]) -> None:
        """Makes the next state: of two that want to, one does; see `RemoteServer.change_head`."""
        for _ in range(_MOST_ROUNDS):
            found = self.current()
            if found is None:
                raise CorruptIndexError(
                    f"{self._where}: the record of commits is gone. {self._restore}, or ingest again"
                )
            payload = self.payload(found)
            if any(payload[key] != value for key, value in expected.items()):
                return
            if self.change(found.number + 1, {**payload, **values}):
                return
        raise TransientStoreError(f"{self._where}: others change the record of commits at once. Try again")

    def current(self) -> State | None:
        """The state that holds; None where there is none."""
        found = None if self.seen is None else self._followed(self.seen)
        self.seen = self._newest() if found is None else found
        return self.seen

    def add(self, number: int, said: str) -> bool:
        """Makes a state; whether this call did, and nobody else before."""
        # Also where it was made and the answer was lost.
        if not self.make(number, said) and self.said(number) != said:
            return False
        if number % _KEPT == 0:
            # What cannot be deleted now is deleted the next time.
            with contextlib.suppress(StoreError):
                for old in sorted(old for old in self.numbers() if old < number - _KEPT):
                    self.drop(old)
        return True

    def _newest(self) -> State | None:
        states = self.numbers()
        return State(max(states), states[max(states)]) if states else None

    def _followed(self, seen: State) -> State | None:
        """The last of the states that follow one that is still there; None where it is not."""
        found = seen
        while (said := self.said(found.number + 1)) is not None:
            found = State(found.number + 1, said)
        return found if self.said(seen.number) == seen.said else None
