"""How fast work goes, and how long it will take still, from the last minute, without jumping."""

from __future__ import annotations

import math
from collections import deque

_WINDOW_S = 60.0
_SETTLE_S = 3.0
_SMOOTH_S = 6.0


class Rate:
    """Work per second over the last minute, from its beginning on. Times are seconds of any clock.

    >>> rate = Rate()
    >>> rate.note(0, now=0.0)
    >>> rate.note(30, now=2.0)
    >>> rate.per_second
    15.0
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque()

    def note(self, done: float, *, now: float) -> None:
        """Takes in how much is done at a time."""
        if len(self._samples) == 1 and self._samples[0][1] == done:
            self._samples.clear()  # it has not begun: files are being read, a model is loaded
        self._samples.append((now, done))
        while len(self._samples) > 2 and self._samples[1][0] <= now - _WINDOW_S:
            self._samples.popleft()

    @property
    def known_for_s(self) -> float:
        """The seconds that the rate is measured over."""
        return self._samples[-1][0] - self._samples[0][0] if self._samples else 0.0

    @property
    def per_second(self) -> float:
        """The mean since the oldest sample within the window; 0 while there is but one."""
        seconds = self.known_for_s
        return (self._samples[-1][1] - self._samples[0][1]) / seconds if seconds > 0 else 0.0


class TimeLeft:
    """An estimate of when work will be done, that counts down between two reports and follows slowly.

    >>> left = TimeLeft()
    >>> for second in range(11):
    ...     left.note(second * 10, total=1000, now=float(second))
    >>> round(left.seconds(now=10.0))
    90
    """

    def __init__(self) -> None:
        self._rate = Rate()
        self._noted = 0.0
        self._end: float | None = None

    def note(self, done: float, *, total: float | None, now: float) -> None:
        """Takes in how much is done at a time; `total` None is not known."""
        passed, self._noted = now - self._noted, now
        self._rate.note(done, now=now)
        rate = self._rate.per_second
        if total is None or rate <= 0 or self._rate.known_for_s < _SETTLE_S:
            return
        end = now + max(0.0, total - done) / rate
        if self._end is None:
            self._end = end
        else:
            self._end += (end - self._end) * (1 - math.exp(-passed / _SMOOTH_S))

    def seconds(self, *, now: float) -> float | None:
        """Seconds left; None while that cannot be told."""
        return None if self._end is None else max(0.0, self._end - now)
