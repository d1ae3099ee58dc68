"""How far a training is, on standard error: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from ragkit.train.options import Teller


@contextmanager
def shown() -> Iterator[Teller]:
    """A bar for the time of the block where standard error is a terminal; else each note as a line."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[what]}", markup=False, style="dim"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        yield _Bar(bar)


class _Bar:
    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("preparing", total=None, what="")

    def phase(self, name: str, total: int) -> None:
        self._bar.remove_task(self._task)
        self._task = self._bar.add_task(name, total=total, what="")

    def advance(self, done: int | None = None, what: str = "") -> None:
        if done is None:
            self._bar.update(self._task, advance=1, what=what)
        else:
            self._bar.update(self._task, completed=done, what=what)

    def note(self, text: str) -> None:
        self._bar.console.print(text, markup=False, highlight=False)


class _Lines:
    def phase(self, name: str, total: int) -> None:
        print(f"{name} ({total:,})", file=sys.stderr, flush=True)

    def advance(self, done: int | None = None, what: str = "") -> None:
        pass

    def note(self, text: str) -> None:
        print(f"  {text}", file=sys.stderr, flush=True)
