"""Many at the same time, or one alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Lets calls run side by side, and one that changes what they stand on wait until it is alone.

    Whoever wants to be alone is let in before those who come later.

    >>> turns = Turns()
    >>> with turns.together(), turns.together():
    ...     pass
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._n_inside = 0
        self._n_waiting = 0  # who wants to be, or is, alone

    @contextmanager
    def together(self) -> Iterator[None]:
        """Beside others."""
        with self._changed:
            self._changed.wait_for(lambda: self._n_waiting == 0)
            self._n_inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._n_inside -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """When nobody else is inside."""
        with self._changed:
            self._n_waiting += 1
            self._changed.wait_for(lambda: self._n_inside == 0)
            try:
                yield
            finally:
                self._n_waiting -= 1
                self._changed.notify_all()
