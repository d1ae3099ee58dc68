"""Word of how far a run is: to a function, or to a bar on the terminal with the time that is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from ragkit.ingest.progress import Progress, silent
from ragkit.ingest.rate import TimeLeft


class RunBar:
    """Shows progress on standard error until the block ends.

    Example:
        with RunBar() as bar:
            bar(3, 300, "scifact · hybrid")
    """

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._facts = RunFacts(clock)
        # Markup off: a name in square brackets is a name.
        self._bar = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            _FactsColumn(self._facts),
            console=console or Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> RunBar:
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """Shows it."""
        self._facts.note(done, total, what)
        self._bar.update(self._task, completed=done, total=total, description=what)


class RunFacts:
    """How many questions are done and how long the others will take, as one line.

    >>> facts = RunFacts(lambda: 0.0)
    >>> facts.note(37, 300, "scifact")
    >>> facts.line()
    '37 of 300'
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._done, self._total, self._what = 0, 0, ""
        self._left = TimeLeft()

    def note(self, done: int, total: int | None, what: str) -> None:
        """Takes in how far it is; another `what` is another piece of work, with a pace of its own."""
        if what != self._what:
            self._left = TimeLeft()
        self._done, self._total, self._what = done, total or 0, what
        self._left.note(done, total=total, now=self._clock())

    def line(self) -> str:
        """`37 of 300, 0:21 left`."""
        parts = [f"{self._done:,} of {self._total:,}" if self._total else f"{self._done:,}"]
        left = self._left.seconds(now=self._clock())
        if left is not None and self._done < self._total:
            minutes, seconds = divmod(round(left), 60)
            hours, minutes = divmod(minutes, 60)
            parts.append(
                f"{hours}:{minutes:02}:{seconds:02} left" if hours else f"{minutes}:{seconds:02} left"
            )
        return ", ".join(parts)


class _FactsColumn(ProgressColumn):
    def __init__(self, facts: RunFacts) -> None:
        super().__init__()
        self._facts = facts

    def render(self, task: Task) -> Text:
        return Text(self._facts.line())


@contextmanager
def shown(progress: bool | Progress) -> Iterator[Progress]:
    """Progress as asked for: a function as it is, a bar for True where standard error is a terminal."""
    if callable(progress):
        yield progress
    elif progress and sys.stderr.isatty():
        with RunBar() as bar:
            yield bar
    else:
        yield silent
