"""Threads that many callers share fairly: a short call does not wait for a long one that came before it."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Sized)


class FairWorkers(Generic[Item]):
    """Runs `work` over the items of any number of concurrent calls, on at most `threads` threads in all.

    The threads serve that call first which would be finished first if all calls advanced evenly (the fair
    sojourn protocol, Friedman and Henderson, SIGMETRICS 2003): equal calls are served in the order of their
    coming, a short one passes a long one, and none starves. Within a call the longest items go first, so
    that what is left for the last thread to finish is short.

    Args:
        work: given items of equal length, of one call or several.
        threads: at least 1.
        name: of the threads, for people.
        together: how much length one call of `work` may take on; 0 gives it one item at a time.

    >>> seen = []
    >>> workers = FairWorkers(lambda words: seen.extend(words), threads=1, name="doctest")
    >>> workers.run(["a", "ccc", "bb"])
    >>> seen
    ['ccc', 'bb', 'a']
    """

    def __init__(
        self, work: Callable[[Sequence[Item]], None], *, threads: int, name: str, together: int = 0
    ) -> None:
        self._work = work
        self._threads = threads
        self._name = name
        self._together = together
        # By process: a forked one has its parent's pool without the threads, and would wait for ever.
        self._pools: dict[int, _Pool[Item]] = {}

    def run(self, items: Sequence[Item]) -> None:
        """Works on all items and returns when that is done; any number of threads may call at once.

        Raises what `work` raised for an item of this call; those that were not yet begun are then left out.
        """
        if items:
            pool = self._pools.get(os.getpid()) or self._pools.setdefault(
                os.getpid(), _Pool(self._work, self._threads, self._name, self._together)
            )
            pool.run(items)


class _Call(Generic[Item]):
    """The items of one caller that no thread has begun, by length, and how many are not finished."""

    def __init__(self, items: Iterable[Item], due: float) -> None:
        self.pending: dict[int, list[Item]] = defaultdict(list)
        self.waiting = 0
        for item in items:
            self.pending[len(item)].append(item)
            self.waiting += 1
            due += len(item)
        self.unfinished = self.waiting
        self.due = due
        self.error: BaseException | None = None
        self.finished = threading.Event()

    def take(self, length: int, count: int) -> list[Item]:
        items = self.pending.get(length, [])
        taken, rest = items[:count], items[count:]
        self.waiting -= len(taken)
        if rest:
            self.pending[length] = rest
        else:
            self.pending.pop(length, None)
        return taken

    def drop(self) -> None:
        """Nothing that is not begun will be."""
        self.unfinished -= self.waiting
        self.waiting = 0
        self.pending.clear()


class _Pool(Generic[Item]):
    """The threads of one process, and the calls that they have not finished handing out."""

    def __init__(
        self, work: Callable[[Sequence[Item]], None], threads: int, name: str, together: int
    ) -> None:
        self._work = work
        self._threads = threads
        self._together = together
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._calls: list[_Call[Item]] = []
        # Length that each call would have had worked on, had all advanced evenly since the first.
        self._clock = 0.0

    def run(self, items: Sequence[Item]) -> None:
        with self._lock:
            call = _Call(items, self._clock)
            self._calls.append(call)
        try:
            for _ in range(min(self._threads, len(items))):
                self._executor.submit(self._serve)
            call.finished.wait()
        finally:
            with self._lock:  # on an interrupt, items are still waiting
                call.drop()
                self._forget_empty()
        if call.error is not None:
            raise call.error

    def _serve(self) -> None:
        while taken := self._next():
            by_call: dict[_Call[Item], list[Item]] = {}
            for call, item in taken:
                by_call.setdefault(call, []).append(item)
            error = self._error_of([item for _, item in taken])
            for call, items in by_call.items():
                # Whose item is at fault is not known: each call's are tried again without the others'.
                own = error if error is None or len(by_call) == 1 else self._error_of(items)
                with self._lock:
                    self._finish(call, len(items), own)

    def _error_of(self, items: Sequence[Item]) -> BaseException | None:
        """What `work` raises, to be handed to the caller, who waits for it."""
        try:
            self._work(items)
        except BaseException as raised:
            return raised
        return None

    def _next(self) -> list[tuple[_Call[Item], Item]]:
        with self._lock:
            if not self._calls:
                return []
            calls = sorted(self._calls, key=lambda call: call.due)
            length = max(calls[0].pending)
            # The last items are spread over the threads, though sharing would be less work in all.
            share = -(-sum(call.waiting for call in calls) // self._threads)
            room = max(1, min(share, self._together // max(length, 1)))
            taken: list[tuple[_Call[Item], Item]] = []
            for call in calls:
                taken += [(call, item) for item in call.take(length, room - len(taken))]
                if len(taken) == room:
                    break
            self._clock += length * len(taken) / len(calls)
            self._forget_empty()
            return taken

    def _finish(self, call: _Call[Item], count: int, error: BaseException | None) -> None:
        call.unfinished -= count
        if error is not None:
            call.error = error
            call.drop()
            self._forget_empty()
        if call.unfinished == 0:
            call.finished.set()

    def _forget_empty(self) -> None:
        self._calls = [call for call in self._calls if call.waiting]


def usable_cores() -> int:
    """How many cores this process may run on."""
    # Containers and taskset narrow what the process may use; os.cpu_count does not see it.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
