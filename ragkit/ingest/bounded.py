"""A queue between two threads that holds so much and no more: whoever is faster waits."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Bounded(Generic[T]):
    """Items on their way from one thread to another.

    Args:
        room: the weight of all that may wait. One item alone may weigh more.
        weight: what an item weighs; 1 each by default.

    >>> queue = Bounded[int](2)
    >>> [queue.offer(n) for n in (1, 2, 3)]
    [True, True, False]
    >>> queue.end()
    >>> list(queue)
    [1, 2]
    """

    def __init__(self, room: int, weight: Callable[[T], int] = lambda _: 1) -> None:
        self._room = room
        self._weight = weight
        self._items: deque[tuple[T, int]] = deque()
        self._held = 0
        self._is_ended = False
        self._is_closed = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def offer(self, item: T) -> bool:
        """Takes the item where there is room at once; says whether it did."""
        weight = self._weight(item)
        with self._changed:
            if self._is_closed or not self._has_room(weight):
                return False
            self._add(item, weight)
            return True

    def put(self, item: T) -> bool:
        """Takes the item, after waiting for room; False once nobody will read it."""
        weight = self._weight(item)
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._has_room(weight))
            if not self._is_closed:
                self._add(item, weight)
            return not self._is_closed

    def end(self, error: BaseException | None = None) -> None:
        """No item will follow: reading ends after those that wait, or raises `error` there."""
        with self._changed:
            if not self._is_closed:
                self._is_ended, self._error = True, error
            self._changed.notify_all()

    def close(self, error: BaseException | None = None) -> None:
        """Ends both sides at once; a reader gets `error`, what waits is dropped."""
        with self._changed:
            self._items.clear()
            self._is_closed = self._is_ended = True
            self._error = error
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._is_ended)
                if not self._items:
                    if self._error is not None:
                        raise self._error
                    return
                item, weight = self._items.popleft()
                self._held -= weight
                self._changed.notify_all()
            yield item

    def _has_room(self, weight: int) -> bool:
        return not self._items or self._held + weight <= self._room

    def _add(self, item: T, weight: int) -> None:
        self._items.append((item, weight))
        self._held += weight
        self._changed.notify_all()
