"""Values for a time, in bounded memory: the least recently used go first."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import RLock
from typing import Generic, TypeVar

Value = TypeVar("Value")
# What has run out is looked for no more often than this; until then it is not given any more, only kept.
_SWEEP_S = 60.0


@dataclass(frozen=True, slots=True)
class Kept(Generic[Value]):
    """A value with what it takes and since when it is kept, on the shelf's clock."""

    value: Value
    n_bytes: int
    since_s: float


class Shelf(Generic[Value]):
    """Keeps values by key. Any number of threads may use it.

    Args:
        ttl_s: seconds after which a value is gone.
        max_entries: values to keep.
        max_bytes: what all of them may take; a value that takes more alone is not kept.
        clock: in seconds, never going back: the time of day may be set while a process runs.
        dropped: is told each key that is gone, with the shelf's lock held.

    >>> shelf = Shelf[str](ttl_s=60, max_entries=2, max_bytes=100)
    >>> [shelf.put(key, "text", n_bytes=4) for key in (b"a", b"b", b"c")]
    [True, True, True]
    >>> shelf.get(b"a"), shelf.get(b"c").value
    (None, 'text')
    """

    def __init__(
        self,
        *,
        ttl_s: float,
        max_entries: int,
        max_bytes: int,
        clock: Callable[[], float] = time.monotonic,
        dropped: Callable[[bytes], None] | None = None,
    ) -> None:
        self.clock = clock
        self.lock = RLock()
        self._ttl_s = ttl_s
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._dropped = dropped
        self._kept: OrderedDict[bytes, Kept[Value]] = OrderedDict()
        self._n_bytes = 0
        self._swept_s = clock()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def n_bytes(self) -> int:
        """What all values take, as they were put."""
        return self._n_bytes

    def get(self, key: bytes) -> Kept[Value] | None:
        """The value of a key, which is then the last to go; None where there is none or its time is over."""
        with self.lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            if self._is_over(kept):
                self._drop(key)
                return None
            self._kept.move_to_end(key)
            return kept

    def peek(self, key: bytes) -> Kept[Value] | None:
        """The value of a key, whose turn to go stays what it was."""
        with self.lock:
            kept = self._kept.get(key)
            return None if kept is None or self._is_over(kept) else kept

    def put(self, key: bytes, value: Value, *, n_bytes: int) -> bool:
        """Keeps a value, in the place of an older one; whether it found room."""
        with self.lock:
            self._drop(key)
            self._sweep()
            if n_bytes > self._max_bytes:
                return False
            self._kept[key] = Kept(value, n_bytes, self.clock())
            self._n_bytes += n_bytes
            while len(self._kept) > self._max_entries or self._n_bytes > self._max_bytes:
                self._drop(next(iter(self._kept)))
            return True

    def clear(self) -> None:
        """Lets go of everything."""
        with self.lock:
            for key in list(self._kept):
                self._drop(key)

    def _is_over(self, kept: Kept[Value]) -> bool:
        return self.clock() - kept.since_s >= self._ttl_s

    def _sweep(self) -> None:
        now = self.clock()
        if now - self._swept_s < min(_SWEEP_S, self._ttl_s):
            return
        self._swept_s = now
        for key in [key for key, kept in self._kept.items() if self._is_over(kept)]:
            self._drop(key)

    def _drop(self, key: bytes) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._n_bytes -= kept.n_bytes
            if self._dropped is not None:
                self._dropped(key)
