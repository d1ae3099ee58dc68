"""What was computed last, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from ragkit.models.process_lock import ProcessLock

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """The values that were asked for last, of at most `most_bytes` together; any number of threads.

    >>> recent = Recent[str, str](10)
    >>> recent.keep("a", "six", n_bytes=6)
    >>> recent.keep("b", "nine", n_bytes=9)
    >>> recent.get("a"), recent.get("b")
    (None, 'nine')
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._lock = ProcessLock()

    def get(self, key: Key) -> Value | None:
        """What was kept under `key`, which is then the last asked for; None where nothing is."""
        with self._lock.own():
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def keep(self, key: Key, value: Value, *, n_bytes: int) -> None:
        """Keeps it in place of those that were not asked for longest; not if it alone is too large."""
        if n_bytes > self._most_bytes:
            return
        with self._lock.own():
            if key not in self._kept:
                self._kept[key] = value, n_bytes
                self._bytes += n_bytes
            while self._bytes > self._most_bytes:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._bytes -= dropped
