from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

from ragkit.errors import RagkitError
from ragkit.graph.sync import iterate_sync, run_sync
from ragkit.graph.threads import in_thread

ASIDE = contextvars.ContextVar("ASIDE", default="unset")


async def give(value: object) -> object:
    await asyncio.sleep(0)
    return value


async def fail(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


async def where() -> tuple[int, int]:
    return id(asyncio.get_running_loop()), threading.get_ident()


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "always::ResourceWarning", "-W", "ignore::DeprecationWarning", "-c", program],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_it_gives_the_result() -> None:
    assert run_sync(give(7)) == 7


def test_it_raises_the_very_error() -> None:
    error = ValueError("bad")
    with pytest.raises(ValueError, match="bad") as caught:
        run_sync(fail(error))
    assert caught.value is error


def test_every_call_meets_the_same_loop_in_another_thread() -> None:
    loop, thread = run_sync(where())
    assert run_sync(where()) == (loop, thread)
    assert thread != threading.get_ident()


def test_it_works_where_a_loop_is_running_already() -> None:
    async def cell() -> object:
        return run_sync(give("shown"))

    assert asyncio.run(cell()) == "shown"


def test_many_threads_share_the_loop() -> None:
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda i: run_sync(give(i)), range(200))) == list(range(200))
        assert len(set(pool.map(lambda _: run_sync(where()), range(50)))) == 1


def test_calls_from_many_threads_run_together() -> None:
    async def meet(met: list[asyncio.Event], mine: int) -> None:
        met[mine].set()
        await asyncio.wait_for(met[1 - mine].wait(), 5)

    met = [asyncio.Event(), asyncio.Event()]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda i: run_sync(meet(met, i)), range(2))) == [None, None]


def test_context_variables_travel_along_and_changes_stay_behind() -> None:
    async def change() -> str:
        seen = ASIDE.get()
        ASIDE.set("changed")
        return seen

    token = ASIDE.set("set")
    try:
        assert run_sync(change()) == "set"
        assert ASIDE.get() == "set"
    finally:
        ASIDE.reset(token)


def test_called_from_its_own_loop_it_explains_itself() -> None:
    async def inner() -> object:
        return run_sync(give(1))

    with pytest.raises(RagkitError, match=r"inside ragkit's own event loop.*await rag\.aask"):
        run_sync(inner())


def test_a_worker_thread_of_the_loop_may_call_it() -> None:
    async def outer() -> object:
        return await in_thread(lambda: run_sync(give("inner")))

    assert run_sync(outer()) == "inner"


def test_calls_share_worker_threads() -> None:
    assert len({run_sync(in_thread(threading.current_thread)) for _ in range(5)}) == 1


def test_a_coroutine_that_wants_to_exit_ends_the_caller_and_not_the_loop() -> None:
    before = run_sync(where())
    with pytest.raises(SystemExit):
        run_sync(fail(SystemExit(3)))
    assert run_sync(where()) == before


def test_a_cancelled_coroutine_raises_cancelled() -> None:
    with pytest.raises(asyncio.CancelledError):
        run_sync(fail(asyncio.CancelledError()))


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_cancels_the_coroutine_and_waits_for_its_clean_up() -> None:
    steps: list[str] = []

    async def work() -> None:
        try:
            await anyio.sleep(30)
        finally:
            await asyncio.sleep(0.02)
            steps.append("cleaned up")

    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run_sync(work())
    timer.join()
    assert steps == ["cleaned up"]
    assert run_sync(give("still alive")) == "still alive"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_a_loop_of_its_own() -> None:
    done = run_python(
        "import os\n"
        "from ragkit.graph.sync import run_sync\n"
        "async def give(value): return value\n"
        "assert run_sync(give(1)) == 1\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    os._exit(run_sync(give(42)))\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), run_sync(give(2)))\n"
    )
    assert (done.stdout, done.stderr) == ("42 2\n", "")


def test_a_process_ends_without_waiting_for_idle_worker_threads() -> None:
    done = run_python(
        "import time\n"
        "from ragkit.graph.sync import run_sync\n"
        "from ragkit.graph.threads import in_thread\n"
        "print(run_sync(in_thread(lambda: 'worked')))\n"
    )
    assert (done.stdout, done.stderr, done.returncode) == ("worked\n", "", 0)


def test_a_process_that_fails_says_why_and_ends() -> None:
    done = run_python(
        "from ragkit.graph.sync import run_sync\n"
        "async def fail(): raise ValueError('bad')\n"
        "run_sync(fail())\n"
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ValueError: bad"


def test_an_async_generator_is_iterated_from_any_thread_and_closed() -> None:
    ended = threading.Event()

    async def numbers() -> AsyncGenerator[int, None]:
        try:
            for n in range(100):
                await anyio.sleep(0)
                yield n
        finally:
            ended.set()

    assert list(iterate_sync(numbers())) == list(range(100))
    ended.clear()
    for n in iterate_sync(numbers()):
        if n == 3:
            break
    gc.collect()
    assert ended.wait(5)


def test_an_error_of_an_async_generator_is_raised_where_it_is_iterated() -> None:
    async def broken() -> AsyncGenerator[int, None]:
        yield 1
        raise OSError("down")

    numbers = iterate_sync(broken())
    assert next(numbers) == 1
    with pytest.raises(OSError, match="down"):
        next(numbers)


def test_a_process_ends_though_a_generator_was_left_in_the_middle() -> None:
    program = (
        "from ragkit.graph.sync import iterate_sync\n"
        "async def numbers():\n"
        "    for n in range(100):\n"
        "        yield n\n"
        "left = iterate_sync(numbers())\n"
        "print(next(left))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "0", "")


def test_a_generator_that_is_collected_in_the_loop_itself_is_closed_without_waiting() -> None:
    ended = threading.Event()

    async def numbers() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            ended.set()

    left = iterate_sync(numbers())
    assert next(left) == 1

    async def close() -> None:
        left.close()

    run_sync(close())
    assert ended.wait(5)
