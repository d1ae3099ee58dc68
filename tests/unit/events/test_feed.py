"""Events on their way to the one who iterates: none is lost, nobody waits, an early end is an end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import aclosing

import anyio
import pytest

from ragkit.events import Event, Shown, Token
from ragkit.events.feed import streamed
from ragkit.types import Sentence

Listener = Callable[[Event], None]


def shown(n: int) -> Shown:
    return Shown(n, Sentence(f"{n}."), text=f"{n}.")


async def collected(work: Callable[[Listener], object]) -> list[Event]:
    return [event async for event in streamed(work)]  # type: ignore[arg-type]


def test_a_slow_reader_loses_nothing_and_holds_up_nobody() -> None:
    async def run() -> None:
        ended_s = 0.0

        async def work(listener: Listener) -> None:
            nonlocal ended_s
            for n in range(50):
                listener(shown(n))
                await asyncio.sleep(0)
            ended_s = time.perf_counter()

        seen = []
        start_s = time.perf_counter()
        async for event in streamed(work):
            await asyncio.sleep(0.002)
            seen.append(event)
        assert seen == [shown(n) for n in range(50)]
        assert ended_s - start_s < (time.perf_counter() - start_s) / 2

    anyio.run(run)


def test_tokens_that_wait_grow_together_within_their_draft() -> None:
    async def work(listener: Listener) -> None:
        for event in (Token("a"), Token("b"), shown(1), Token("c"), Token("d", draft=2), Token("e", draft=2)):
            listener(event)

    assert anyio.run(collected, work) == [Token("ab"), shown(1), Token("c"), Token("de", draft=2)]


def test_events_come_from_other_threads() -> None:
    async def work(listener: Listener) -> None:
        def tell() -> None:
            for n in range(100):
                listener(shown(n))

        await asyncio.to_thread(tell)

    assert anyio.run(collected, work) == [shown(n) for n in range(100)]


def test_an_error_comes_after_the_events_before_it() -> None:
    async def run() -> None:
        async def work(listener: Listener) -> None:
            listener(shown(1))
            raise OSError("down")

        events = streamed(work)
        assert await anext(events) == shown(1)
        with pytest.raises(OSError, match="down"):
            await anext(events)

    anyio.run(run)


@pytest.mark.parametrize("how", ["close", "cancel", "scope", "forget"])
def test_leaving_early_ends_the_work(how: str) -> None:
    async def run() -> None:
        ended = asyncio.Event()

        async def work(listener: Listener) -> None:
            try:
                listener(shown(1))
                await asyncio.sleep(60)
            finally:
                ended.set()

        async def read() -> None:
            async with aclosing(streamed(work)) as events:
                async for _ in events:
                    if how == "close":
                        return

        before = asyncio.all_tasks()
        if how == "cancel":
            task = asyncio.ensure_future(read())
            await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait({task})
        elif how == "scope":
            with anyio.move_on_after(0.01):
                await read()
        elif how == "forget":
            async for _ in streamed(work):
                break
        else:
            await read()
        await asyncio.wait_for(ended.wait(), 5)
        await asyncio.sleep(0.01)
        assert asyncio.all_tasks() == before

    anyio.run(run)


def test_a_listener_whose_loop_has_ended_is_told_in_vain() -> None:
    told = threading.Event()
    kept: list[Listener] = []

    async def run() -> None:
        async def work(listener: Listener) -> None:
            kept.append(listener)
            listener(shown(1))

        async for _ in streamed(work):
            pass

    anyio.run(run)

    def late() -> None:
        kept[0](shown(2))
        told.set()

    threading.Thread(target=late).start()
    assert told.wait(5)
