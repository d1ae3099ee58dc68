"""Locks that a fork cannot leave held for ever."""

from __future__ import annotations

import os
import threading
from collections import deque


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


class Turns:
    """Turns for so many threads at a time: who came first goes first.

    `threading.Semaphore` does not promise that: a thread that comes back at once passes all who wait.

    >>> turns = Turns(1)
    >>> with turns:
    ...     turns.is_free
    False

    Args:
        n: at least 1.
    """

    def __init__(self, n: int) -> None:
        self._free = n
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()

    @property
    def is_free(self) -> bool:
        """Whether one who comes now need not wait."""
        return self._free > 0

    def __enter__(self) -> None:
        gate = threading.Lock()
        gate.acquire()
        with self._lock:
            if self._free:
                self._free -= 1
                return
            self._waiting.append(gate)
        try:
            gate.acquire()
        except BaseException:  # an interrupt: a turn that was given meanwhile goes to the next
            with self._lock:
                if gate in self._waiting:
                    self._waiting.remove(gate)
                else:
                    self._pass_on()
            raise

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.popleft().release()
        else:
            self._free += 1


class ProcessTurns:
    """`Turns` of each process, for the same reason as a `ProcessLock`.

    >>> turns = ProcessTurns(1)
    >>> with turns.own():
    ...     turns.own().is_free
    False

    Args:
        n: at least 1.
    """

    def __init__(self, n: int) -> None:
        self._n = n
        self._turns: dict[int, Turns] = {}

    def own(self) -> Turns:
        """The turns of this process."""
        return self._turns.get(os.getpid()) or self._turns.setdefault(os.getpid(), Turns(self._n))
