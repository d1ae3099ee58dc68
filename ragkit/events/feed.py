"""Events from whatever thread they come from to the one who iterates over them."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

import anyio

from ragkit.events.values import Event, Token

# How long one who leaves early waits for the work to end. What it ran in threads is not waited for.
GRACE_S = 5.0


class Feed:
    """A queue without a limit: those who tell never wait, and no event is lost.

    What waits is bounded by the answer, for tokens that nobody has taken yet grow together.
    """

    def __init__(self) -> None:
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._events: deque[Event] = deque()
        self._some, self._is_closed = asyncio.Event(), False

    def put(self, event: Event) -> None:
        """Adds an event, from any thread."""
        self._events.append(event)
        if threading.get_ident() == self._thread:
            self._some.set()
            return
        with suppress(RuntimeError):  # the loop has ended, and with it the one who listened
            self._loop.call_soon_threadsafe(self._some.set)

    def close(self) -> None:
        """There are no more events."""
        self._is_closed = True
        self._some.set()

    async def next(self) -> Event | None:
        """The next event; None after the last one."""
        while not self._events:
            if self._is_closed:
                return None
            self._some.clear()
            await self._some.wait()
        event = self._events.popleft()
        while isinstance(event, Token) and self._events:
            following = self._events[0]
            if not isinstance(following, Token) or following.draft != event.draft:
                break
            self._events.popleft()
            event = Token(event.text + following.text, draft=event.draft)
        return event


async def streamed(
    work: Callable[[Callable[[Event], None]], Awaitable[None]],
) -> AsyncGenerator[Event, None]:
    """The events that `work` gives its listener, as they come.

    The work runs in a task of its own. Closing the generator, or cancelling the one who waits for it, cancels
    the work; an error of the work is raised after the events that came before it.
    """
    feed = Feed()
    task = asyncio.ensure_future(work(feed.put))
    task.add_done_callback(lambda _: feed.close())
    try:
        while (event := await feed.next()) is not None:
            yield event
        await task
    finally:
        task.cancel()
        with anyio.move_on_after(GRACE_S, shield=True):
            await asyncio.wait({task})
        if task.done() and not task.cancelled():
            task.exception()  # has been raised, or nobody is there any more whom it would concern
