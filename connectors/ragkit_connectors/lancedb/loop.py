"""An event loop on a thread of its own: the engine's calls are coroutines, and a store's are not.

The engine's own calls for threads make five of these for one question, each with a hop to a thread and back.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, wait
from typing import Any, TypeVar

T = TypeVar("T")


class Loop:
    """Runs coroutines for any number of threads.

    >>> loop = Loop()
    >>> loop.run(asyncio.sleep(0, "done"))
    'done'
    >>> loop.close()
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ragkit-lancedb", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What a coroutine gives, once it does. Who is interrupted meanwhile waits for its end all the same.

        A change that went on by itself would do so without the lock under which it was begun.
        """
        future: Future[T] = Future()
        begun: list[asyncio.Task[None]] = []  # the loop itself holds a task by a weak reference

        async def carry() -> None:
            try:
                future.set_result(await coroutine)
            except BaseException as e:
                future.set_exception(e)

        def drop_unbegun() -> None:
            if not begun:
                coroutine.close()
                future.cancel()

        try:
            self._loop.call_soon_threadsafe(lambda: begun.append(self._loop.create_task(carry())))
            return future.result()
        except KeyboardInterrupt:
            # An interruption may come before the loop was told, too.
            self._loop.call_soon_threadsafe(drop_unbegun)
            wait([future])
            raise

    def close(self) -> None:
        """Ends the thread; nothing may be running any more."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
