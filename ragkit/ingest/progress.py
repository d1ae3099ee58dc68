"""Word of how far an ingestion is: to a function of the user's, or to a bar on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from ragkit.ingest.bar import IngestBar


class Progress(Protocol):
    """Called every tenth of a second and after each commit, from the thread that ingests."""

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """`done` of `total` documents (None: not known) have an outcome; `what` is at hand now."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """How much is done in bytes of files and characters of texts, `total` None where that is not known.

    `n_passages` were embedded, and `n_committed` documents are committed.
    """

    done: float
    total: float | None = field(kw_only=True)
    n_passages: int = field(kw_only=True)
    n_committed: int = field(default=0, kw_only=True)


@runtime_checkable
class MeasuresWork(Protocol):
    """Progress that wants to know more, just before each call."""

    def measure(self, work: Work) -> None:
        """How much work is done."""
        ...


def silent(done: int, total: int | None, what: str) -> None:
    """Progress that nobody looks at."""


@contextmanager
def shown(progress: bool | Progress) -> Iterator[Progress]:
    """Progress as asked for: a function as it is, a bar for True where standard error is a terminal."""
    if callable(progress):
        yield progress
    elif progress and sys.stderr.isatty():
        with IngestBar() as bar:
            yield bar
    else:
        yield silent
