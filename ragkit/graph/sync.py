"""The sync face: coroutines run on one standing event loop in a thread of its own.

So a call works the same in a script, in a notebook (whose own loop is running) and from many threads, and
connections and models that belong to a loop stay usable from call to call.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncGenerator, Coroutine, Generator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from ragkit.errors import RagkitError

# How long an interrupted call waits for its coroutine to clean up.
GRACE_S = 5.0

Result = TypeVar("Result")
Item = TypeVar("Item")

_END: Any = object()

# By process: a fork copies neither the loop's thread nor a sound lock, so a child starts its own.
_standing: dict[int, _StandingLoop] = {}
_locks: dict[int, threading.Lock] = {}


def run_sync(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """The coroutine's result, or its exception; blocks the calling thread.

    The coroutine sees the caller's context variables. Ctrl-C cancels it, waits for its clean-up and goes on
    as `KeyboardInterrupt`.

    Raises:
        RagkitError: it was called from within the standing loop, which would wait for itself.

    >>> async def seven() -> int:
    ...     return 7
    >>> run_sync(seven())
    7
    """
    standing = _standing_loop()
    if threading.get_ident() == standing.thread.ident:
        coroutine.close()
        raise RagkitError(
            "a blocking call inside ragkit's own event loop, which would wait for itself for ever; "
            "in an async stage use the async form, for example: await rag.aask(...)"
        )
    call = _Call(coroutine, standing.loop)
    try:
        return call.result.result()
    except BaseException:
        if not call.result.done():
            call.cancel()
            call.ended.wait(GRACE_S)
        raise


def iterate_sync(stream: AsyncGenerator[Item, None]) -> Generator[Item, None, None]:
    """What an async generator gives, one at a time, in the calling thread; it runs in the standing loop.

    Closing this one, or leaving it to the garbage collector, closes the async one, from any thread.

    >>> async def numbers():
    ...     yield 1
    ...     yield 2
    >>> list(iterate_sync(numbers()))
    [1, 2]
    """
    try:
        while (item := run_sync(_next(stream))) is not _END:
            yield item
    finally:
        _close_sync(stream)


async def _next(stream: AsyncGenerator[Item, None]) -> Item | Any:
    return await anext(stream, _END)


def _close_sync(stream: AsyncGenerator[Any, None]) -> None:
    if sys.is_finalizing():
        return  # the loop's thread stands still by now, and would never answer
    standing = _standing_loop()
    if threading.get_ident() == standing.thread.ident:
        # The collector runs in whatever thread it is; this one must not wait for itself.
        standing.loop.create_task(_close(stream))
    else:
        run_sync(_close(stream))


async def _close(stream: AsyncGenerator[Any, None]) -> None:
    await stream.aclose()


class _Call(Generic[Result]):
    """One coroutine on its way through the loop. Its outcome travels in `result`, whatever it is."""

    def __init__(self, coroutine: Coroutine[Any, Any, Result], loop: asyncio.AbstractEventLoop) -> None:
        self.result: Future[Result] = Future()
        self.ended = threading.Event()
        self._coroutine, self._loop = coroutine, loop
        self._task: asyncio.Task[None] | None = None
        # Scheduling copies the context of this thread, and the task inherits it.
        loop.call_soon_threadsafe(self._start)

    def _start(self) -> None:
        self._task = self._loop.create_task(self._carry())
        self._task.add_done_callback(self._finish)

    async def _carry(self) -> None:
        try:
            value = await self._coroutine
        except BaseException as error:
            # SystemExit and its like belong to the caller: raised here they would stop the loop for all.
            self.result.set_exception(error)
        else:
            self.result.set_result(value)

    def _finish(self, task: asyncio.Task[None]) -> None:
        if not self.result.done():
            # Cancelled before its first step, so nobody has awaited it.
            self._coroutine.close()
            self.result.set_exception(asyncio.CancelledError())
        self.ended.set()

    def cancel(self) -> None:
        self._loop.call_soon_threadsafe(lambda: self._task and self._task.cancel())


class _StandingLoop:
    """An event loop in a daemon thread, whose worker threads are daemons too and hold up no exit."""

    def __init__(self) -> None:
        started = threading.Event()
        self.loop: asyncio.AbstractEventLoop
        self.thread = threading.Thread(target=self._serve, args=(started,), name="ragkit-loop", daemon=True)
        self.thread.start()
        started.wait()

    def _serve(self, started: threading.Event) -> None:
        with asyncio.Runner() as runner:
            self.loop = runner.get_loop()
            # A main task, and not `run_forever`: anyio keeps its worker threads as long as the main task, and
            # without one it would start a new thread for every call.
            runner.run(self._stand(started))

    async def _stand(self, started: threading.Event) -> None:
        started.set()
        await asyncio.Event().wait()


def _standing_loop() -> _StandingLoop:
    process = os.getpid()
    standing = _standing.get(process)
    if standing is None or not standing.thread.is_alive():
        with _locks.setdefault(process, threading.Lock()):
            standing = _standing.get(process)
            if standing is None or not standing.thread.is_alive():
                standing = _standing[process] = _StandingLoop()
    return standing
