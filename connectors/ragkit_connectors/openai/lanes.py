"""Connections, each carrying one request at a time.

A shared pool of httpx 0.28 (httpcore 1.0.9) is dead after many requests that waited for a connection were
cancelled: none of 20 later requests was served (encode/httpcore#1093). Here nothing waits for a connection. A
call takes an idle one or opens one, gives it back after a whole reply, and closes it after anything else, so
that a cancelled call also ends the generation at the endpoint.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, finalize

import anyio
from anyio.lowlevel import RunVar

if TYPE_CHECKING:
    import httpx

CLOSING_S = 0.05
MOST_IDLE = 32


class _Loop:
    """Stands for an event loop."""


# Holds what closes idle connections until it has. Where lanes are garbage in a circle, as with an error whose
# traceback holds them, the collector would else end the connections first, unclosed; and where they are
# garbage as a loop ends, the loop would cancel the closing that it has just begun.
_GUARDS: dict[int, AsyncGenerator[None, None]] = {}
_CLOSING: set[asyncio.Task[None]] = set()

_LOOP: RunVar[_Loop] = RunVar("ragkit_connectors.openai.loop")


class Lanes:
    """The connections of one event loop. They close when the loop ends or nobody has this any more.

    >>> async def same() -> bool:
    ...     lanes = Lanes(lambda: None)
    ...     lane = lanes.take()
    ...     lanes.give(lane)
    ...     return lanes.take() is lane
    >>> anyio.run(same)
    True
    """

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        self._make = make
        self._idle: list[httpx.AsyncClient] = []
        self._guard = _closing_at_the_end(self._idle)

    async def watch(self) -> None:
        """Closes what is idle when the running loop ends."""
        # A started generator is known to the loop, which closes it when it ends.
        _GUARDS[id(self._idle)] = self._guard
        finalize(self, _retire, id(self._idle), _running()).atexit = False
        await anext(self._guard)

    def take(self) -> httpx.AsyncClient:
        """A client that nobody else uses."""
        return self._idle.pop() if self._idle else self._make()

    def give(self, lane: httpx.AsyncClient) -> None:
        """Takes back a client whose reply was read to its end."""
        self._idle.append(lane)

    async def settle(self, lane: httpx.AsyncClient, *, is_whole: bool) -> None:
        """Takes a client back after a whole reply; closes it after anything else, also while cancelled."""
        if is_whole and len(self._idle) < MOST_IDLE:
            self.give(lane)
            return
        with anyio.move_on_after(CLOSING_S, shield=True):
            await lane.aclose()

    async def close(self) -> None:
        """Closes what is idle."""
        async with aclosing(self._guard):
            pass


class LanesByLoop:
    """Lanes for whichever event loop is running."""

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        self._make = make
        self._lanes: WeakKeyDictionary[_Loop, Lanes] = WeakKeyDictionary()

    async def here(self) -> Lanes:
        """Those of the running loop."""
        try:
            loop = _LOOP.get()
        except LookupError:
            loop = _Loop()
            _LOOP.set(loop)
        if loop not in self._lanes:
            lanes = self._lanes[loop] = Lanes(self._make)
            await lanes.watch()
        return self._lanes[loop]

    async def close(self) -> None:
        """Closes what is idle in the running loop."""
        lanes = await self.here()
        self._lanes.clear()
        await lanes.close()


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None  # of trio, which closes what is collected


def _retire(key: int, loop: asyncio.AbstractEventLoop | None) -> None:
    """Has a guard close in its loop, whichever thread collects its lanes; let go where the loop has ended."""
    if loop is not None:
        try:
            loop.call_soon_threadsafe(_close, key, loop)
        except RuntimeError:
            pass  # it is closed
        else:
            return
    _GUARDS.pop(key, None)


def _close(key: int, loop: asyncio.AbstractEventLoop) -> None:
    if (guard := _GUARDS.get(key)) is not None:
        task = loop.create_task(_closed(guard))
        _CLOSING.add(task)
        task.add_done_callback(_CLOSING.discard)


async def _closed(guard: AsyncGenerator[None, None]) -> None:
    await guard.aclose()


async def _closing_at_the_end(idle: list[httpx.AsyncClient]) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        while idle:
            with anyio.move_on_after(CLOSING_S, shield=True):
                await idle.pop().aclose()
        _GUARDS.pop(id(idle), None)
