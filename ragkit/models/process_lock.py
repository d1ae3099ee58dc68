"""Locks that a fork cannot leave held for ever."""

from __future__ import annotations

import os
import threading


class ProcessLock:
    """One lock for each process: a fork may come while a thread of the parent holds the lock, and none in the
    child would free it.

    >>> lock = ProcessLock()
    >>> with lock.own():
    ...     lock.own().locked()
    True
    """

    def __init__(self) -> None:
        self._locks: dict[int, threading.Lock] = {}

    def own(self) -> threading.Lock:
        """The lock of this process."""
        return self._locks.get(os.getpid()) or self._locks.setdefault(os.getpid(), threading.Lock())


class ProcessTurns:
    """Turns for so many at a time in each process, for the same reason.

    >>> turns = ProcessTurns(1)
    >>> with turns.own():
    ...     turns.own().acquire(blocking=False)
    False

    Args:
        n: at least 1.
    """

    def __init__(self, n: int) -> None:
        self._n = n
        self._turns: dict[int, threading.Semaphore] = {}

    def own(self) -> threading.Semaphore:
        """The turns of this process; who came first goes first."""
        return self._turns.get(os.getpid()) or self._turns.setdefault(
            os.getpid(), threading.Semaphore(self._n)
        )
