"""How fast work goes, and how long it will take still, from the last minute, without jumping."""

from __future__ import annotations

import math
from collections import deque

_WINDOW_S = 60.0
_SETTLE_S = 3.0
_SMOOTH_S = 6.0


class Rate:
    """Work per second over the last minute. Times are seconds of any clock.

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
        self._samples.append((now, done))
        while len(self._samples) > 2 and self._samples[1][0] <= now - _WINDOW_S:
            self._samples.popleft()

    @property
    def per_second(self) -> float:
        """The mean since the oldest sample within the window; 0 while there is but one."""
        if len(self._samples) < 2:
            return 0.0
        (t0, done0), (t1, done1) = self._samples[0], self._samples[-1]
        return (done1 - done0) / (t1 - t0) if t1 > t0 else 0.0


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
        self._begun: float | None = None
        self._noted = 0.0
        self._end: float | None = None

    def note(self, done: float, *, total: float | None, now: float) -> None:
        """Takes in how much is done at a time; `total` None is not known."""
        passed, self._noted = now - self._noted, now
        self._begun = now if self._begun is None else self._begun
        self._rate.note(done, now=now)
        rate = self._rate.per_second
        if total is None or rate <= 0 or now - self._begun < _SETTLE_S:
            return
        end = now + max(0.0, total - done) / rate
        if self._end is None:
            self._end = end
        else:
            self._end += (end - self._end) * (1 - math.exp(-passed / _SMOOTH_S))

    def seconds(self, *, now: float) -> float | None:
        """Seconds left; None while that cannot be told."""
        return None if self._end is None else max(0.0, self._end - now)
