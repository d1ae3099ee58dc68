"""A lock that a fork cannot leave held for ever."""

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
