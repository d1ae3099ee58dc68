"""The bar of `ragkit ingest`: how much is done, how fast, and how long it will take still."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from ragkit.ingest.rate import Rate, TimeLeft

if TYPE_CHECKING:
    from ragkit.ingest.progress import Work

_WHAT_CHARS = 32


class IngestBar:
    """Shows progress on standard error until the block ends; documents are counted, time is told by work.

    Example:
        with IngestBar() as bar:
            ingestor.run("docs/", progress=bar)
    """

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._facts = Facts(clock)
        # Markup off: a file name in square brackets is a file name.
        self._bar = RichProgress(
            BarColumn(bar_width=20),
            _FactsColumn(self._facts),
            TextColumn("{task.description}", markup=False, style="dim"),
            console=console or Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> IngestBar:
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def measure(self, work: Work) -> None:
        """Takes in how much work is done."""
        self._facts.measure(work)

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """Shows it."""
        self._facts.count(done, total)
        share = self._facts.share
        self._bar.update(
            self._task,
            completed=0 if share is None else 100 * share,
            total=None if share is None else 100,
            description=_end_of(what),
        )


class Facts:
    """What is known of a run, as one line.

    >>> facts = Facts(lambda: 0.0)
    >>> facts.count(37, 120)
    >>> facts.line()
    '37 of 120 documents, 30 %'
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._done = 0
        self._total: int | None = None
        self._work: Work | None = None
        self._left = TimeLeft()
        self._speed = Rate()

    @property
    def share(self) -> float | None:
        """The share of the work that is done, from 0 to 1; by documents where no more is known."""
        work = self._work
        if work is not None and work.total:
            return min(1.0, work.done / work.total)
        if self._total:
            return self._done / self._total
        return None

    def measure(self, work: Work) -> None:
        """Takes in how much work is done."""
        self._work = work

    def count(self, done: int, total: int | None) -> None:
        """Takes in how many documents are done, after `measure`."""
        self._done, self._total = done, total
        now, work = self._clock(), self._work
        if work is not None and work.total:
            self._left.note(work.done, total=work.total, now=now)
        else:
            self._left.note(done, total=total, now=now)
        self._speed.note(0 if work is None else work.n_passages, now=now)

    def line(self) -> str:
        """All of it: `37 of 120 documents, 31 %, 85 passages/s, 1:23 left`."""
        if self._total is None:
            parts = [f"{self._done:,} documents"]
        else:
            parts = [f"{self._done:,} of {self._total:,} documents"]
        share = self.share
        if share is not None:
            parts.append(f"{int(100 * share)} %")
        speed = self._speed.per_second
        if speed > 0:
            parts.append(f"{speed:,.0f} passages/s" if speed >= 10 else f"{speed:.1f} passages/s")
        left = self._left.seconds(now=self._clock())
        if left is not None and share != 1:
            parts.append(f"{_clock_face(left)} left")
        return ", ".join(parts)


class _FactsColumn(ProgressColumn):
    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self._facts = facts

    def render(self, task: Task) -> Text:
        return Text(self._facts.line())


def _clock_face(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _end_of(what: str) -> str:
    shown = "".join(c if c.isprintable() else " " for c in what)
    return shown if len(shown) <= _WHAT_CHARS else f"…{shown[1 - _WHAT_CHARS :]}"
