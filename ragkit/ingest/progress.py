"""Word of how far an ingestion is: to a function of the user's, or to a bar on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress(Protocol):
    """Called after each document and each batch, from the thread that ingests."""

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """`done` of `total` documents (None: not known yet) have an outcome; `what` is at hand now."""
        ...


def silent(done: int, total: int | None, what: str) -> None:
    """Progress that nobody looks at."""


@contextmanager
def shown(progress: bool | Progress) -> Iterator[Progress]:
    """Progress as asked for: a function as it is, a bar for True where standard error is a terminal."""
    if callable(progress):
        yield progress
    elif progress and sys.stderr.isatty():
        with _bar() as bar:
            task = bar.add_task("", total=None)

            def show(done: int, total: int | None, what: str) -> None:
                bar.update(task, completed=done, total=total, description=what[-50:])

            yield show
    else:
        yield silent


def _bar() -> Bar:
    # Markup off: a file name in square brackets is a file name.
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    return Bar(*columns, console=Console(stderr=True), transient=True)
