"""One run for all who ask the same at once, whatever thread and event loop they ask from."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, Literal, TypeVar

Value = TypeVar("Value")
Lost = Literal["cancelled", "unkept"]


@dataclass(frozen=True, slots=True)
class Landed(Generic[Value]):
    """How a flight ended: with a value, or why there is none."""

    value: Value | None
    why: Lost | None = None


@dataclass(slots=True)
class Flight(Generic[Value]):
    """A run that somebody leads. `leads` is for the one who was given it first, and who must end it."""

    leads: bool
    _end: Future[Landed[Value]] = field(default_factory=Future)

    async def landed(self) -> Landed[Value]:
        """How it ended, once it has. Whoever stops waiting leaves the others be."""
        # Unshielded, to be cancelled would cancel the future that all wait for.
        return await asyncio.shield(asyncio.wrap_future(self._end))

    def end(self, landed: Landed[Value]) -> None:
        """Tells all who wait; what comes after the first end is nothing."""
        if not self._end.done():
            self._end.set_result(landed)

    def follower(self) -> Flight[Value]:
        """The same flight for one who waits."""
        return Flight(False, self._end)


class Flights(Generic[Value]):
    """The runs under way, by what is asked.

    >>> flights = Flights[str]()
    >>> flights.board(b"why").leads, flights.board(b"why").leads
    (True, False)
    """

    def __init__(self) -> None:
        # By process: a forked one has its parent's flights without those who would end them.
        self._flights: dict[tuple[int, bytes], Flight[Value]] = {}
        self._lock = Lock()

    def board(self, key: bytes) -> Flight[Value]:
        """The flight of a key; a new one, to be led, where there is none."""
        with self._lock:
            flight = self._flights.get((os.getpid(), key))
            if flight is not None:
                return flight.follower()
            flight = self._flights[os.getpid(), key] = Flight(True)
            return flight

    def land(self, key: bytes, flight: Flight[Value], landed: Landed[Value]) -> None:
        """Ends a flight: who comes now leads a new one."""
        with self._lock:
            if self._flights.get((os.getpid(), key)) is flight:
                del self._flights[os.getpid(), key]
        flight.end(landed)
