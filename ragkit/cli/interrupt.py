"""What becomes of an ingestion that is told to end: Ctrl-C and SIGTERM are one, and what is kept is said."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ragkit.ingest.progress import MeasuresWork, Progress, Work, silent


class TerminatedError(KeyboardInterrupt):
    """SIGTERM, in the manner of Ctrl-C: all that is open is closed."""


class Committed:
    """Progress that counts what was committed, beside the one that shows it.

    >>> committed = Committed()
    >>> committed.measure(Work(10.0, total=None, n_passages=3, n_committed=2))
    >>> committed.n
    2
    """

    def __init__(self, progress: Progress = silent) -> None:
        self.n = 0
        self.progress = progress

    def measure(self, work: Work) -> None:
        """Takes in the count."""
        self.n = work.n_committed
        if isinstance(self.progress, MeasuresWork):
            self.progress.measure(work)

    def __call__(self, done: int, total: int | None, what: str) -> None:
        """Passes it on."""
        self.progress(done, total, what)


@contextmanager
def terminable() -> Iterator[None]:
    """Within the block SIGTERM raises `TerminatedError`, unless it is ignored or this is no main thread."""
    before = None
    if threading.current_thread() is threading.main_thread():
        before = signal.getsignal(signal.SIGTERM)
    # None: a handler that Python did not set, and cannot set again.
    if before is None or before is signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def told(error: KeyboardInterrupt, n_committed: int) -> int:
    """Says what is kept, and gives the exit code."""
    is_terminated = isinstance(error, TerminatedError)
    kept = f"{n_committed:,} documents were committed in this run and are kept"
    print(
        f"{'terminated' if is_terminated else 'interrupted'}; "
        f"{kept if n_committed else 'nothing was committed in this run yet'}. Run it again to go on",
        file=sys.stderr,
    )
    return 128 + (signal.SIGTERM if is_terminated else signal.SIGINT)


def _terminate(*_: object) -> None:
    raise TerminatedError
