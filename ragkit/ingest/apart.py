"""Ingestion for async code: the run in a thread of its own, an async source read in the caller's loop."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from contextlib import aclosing, nullcontext
from typing import TypeVar

import anyio
import anyio.to_thread

from ragkit.ingest.bounded import Bounded
from ragkit.ingest.feed import Item
from ragkit.ingest.run import StoppedError

# Documents that the source may be ahead of the run that takes them.
_ROOM = 64

Result = TypeVar("Result")
# What ingests: it is given the items, and what says that it is to stop.
Ingest = Callable[[Item | Iterable[Item], Callable[[], bool]], Result]
AsyncSources = Item | Iterable[Item] | AsyncIterable[Item]


async def ingest_apart(ingest: Ingest[Result], sources: AsyncSources) -> Result:
    """The result of `ingest`, while the event loop goes on.

    An async source is asked for its next item only while there is room: a fast one waits for the embedder.
    Cancelled, the batch at hand is still committed, and the call ends after it.

    Raises:
        Exception: what `ingest` or the source raises.
    """
    stopped = threading.Event()
    if not isinstance(sources, AsyncIterable):
        return await _in_thread(ingest, sources, stopped, close=stopped.set)
    queue: Bounded[Item] = Bounded(_ROOM)

    def close() -> None:
        stopped.set()
        queue.close(StoppedError())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read, sources, queue)
        outcome = await _outcome(ingest, queue, stopped, close=close)
        close()
        tasks.cancel_scope.cancel()
    return outcome()


async def _in_thread(
    ingest: Ingest[Result],
    items: Item | Iterable[Item],
    stopped: threading.Event,
    *,
    close: Callable[[], None],
) -> Result:
    return (await _outcome(ingest, items, stopped, close=close))()


async def _outcome(
    ingest: Ingest[Result],
    items: Item | Iterable[Item],
    stopped: threading.Event,
    *,
    close: Callable[[], None],
) -> Callable[[], Result]:
    """What gives the result or raises the error. A task group would wrap an error that passed through it."""
    ended = anyio.Event()
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(ingest(items, stopped.is_set))
        except BaseException as e:
            errors.append(e)

    async def work() -> None:
        with anyio.CancelScope(shield=True):
            # A thread beside the loop's others: a long run must not take the place of many short calls.
            await anyio.to_thread.run_sync(run, limiter=anyio.CapacityLimiter(1))
        ended.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        try:
            await ended.wait()
        finally:
            if not ended.is_set():
                close()  # and the group waits until the batch at hand is committed

    def give() -> Result:
        if errors:
            raise errors[0]
        return results[0]

    return give


async def _read(sources: AsyncIterable[Item], queue: Bounded[Item]) -> None:
    limiter = anyio.CapacityLimiter(1)
    try:
        async with aclosing(sources) if isinstance(sources, AsyncGenerator) else nullcontext():
            async for item in sources:
                if not queue.offer(item) and not await anyio.to_thread.run_sync(
                    queue.put, item, abandon_on_cancel=True, limiter=limiter
                ):
                    break
    except Exception as e:
        queue.end(e)
    else:
        queue.end()
