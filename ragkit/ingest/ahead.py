"""Runs an iterator ahead of its consumer, on its own thread: one batch is read while another is embedded."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException


class _End:
    pass


@contextmanager
def ahead(items: Iterable[T], depth: int) -> Iterator[Iterator[T]]:
    """The items in order, up to `depth` of them made before they are asked for.

    An error of the iterator is raised where its item would have come. Leaving the block ends the thread
    after the item it is working on.

    >>> with ahead(iter([1, 2, 3]), depth=2) as numbers:
    ...     list(numbers)
    [1, 2, 3]
    """
    runner = _Runner(items, depth)
    runner.thread.start()
    try:
        yield runner.taken()
    finally:
        runner.stopped.set()
        runner.thread.join()


class _Runner(Generic[T]):
    def __init__(self, items: Iterable[T], depth: int) -> None:
        self._items = items
        self._queue: queue.Queue[T | _Failure | _End] = queue.Queue(maxsize=depth)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._make, name="ragkit-ingest", daemon=True)

    def _make(self) -> None:
        try:
            for item in self._items:
                if not self._put(item):
                    return
            self._put(_End())
        except BaseException as e:
            self._put(_Failure(e))

    def _put(self, item: T | _Failure | _End) -> bool:
        while not self.stopped.is_set():
            try:
                self._queue.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False

    def taken(self) -> Iterator[T]:
        while True:
            item = self._queue.get()
            if isinstance(item, _End):
                return
            if isinstance(item, _Failure):
                raise item.error
            yield item
