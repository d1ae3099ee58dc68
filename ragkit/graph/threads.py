"""Worker threads for plain stages, apart from the pool that the surrounding application uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

import anyio.to_thread
from anyio.lowlevel import RunVar

# Plain stages mostly wait for a store or for a model that releases the interpreter lock, so more of them
# than there are cores; anyio's own default.
THREADS = 40

Args = TypeVarTuple("Args")
Result = TypeVar("Result")

# One for each event loop: a limiter must not be shared between loops.
_limiter: RunVar[anyio.CapacityLimiter] = RunVar("ragkit_graph_threads")


def permits() -> anyio.CapacityLimiter:
    """The permits for worker threads in the running event loop; one is held as long as its thread works."""
    try:
        return _limiter.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(THREADS)
        _limiter.set(limiter)
        return limiter


async def in_thread(function: Callable[[*Args], Result], *args: *Args) -> Result:
    """The function's result, from a worker thread with the caller's context variables.

    A cancelled caller does not wait for the thread; the call in it goes on to its end, unseen.
    """
    return await anyio.to_thread.run_sync(function, *args, abandon_on_cancel=True, limiter=permits())
