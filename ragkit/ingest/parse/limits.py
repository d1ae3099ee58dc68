"""Limits that end a hostile document: it is quarantined with the reason, and the next one goes on."""

from __future__ import annotations

import time

from ragkit.errors import DocumentError

MAX_DEPTH = 100
# Ordinary Markdown and HTML parse at over 0.5 MB/s on a slow core; only a pathological text takes longer.
_SECONDS = 10.0
_SECONDS_PER_MB = 10.0


class Deadline:
    """The time that one document's parsing may take; `check` is called from inside the parser's loops."""

    def __init__(self, n_characters: int, *, seconds: float | None = None) -> None:
        self._limit_s = _SECONDS + _SECONDS_PER_MB * n_characters / 1e6 if seconds is None else seconds
        self._end = time.monotonic() + self._limit_s
        self._calls = 0

    def check(self) -> None:
        """Raises a `DocumentError` once the time is over; reads the clock on every 64th call only."""
        self._calls += 1
        if self._calls % 64 == 1 and time.monotonic() > self._end:
            raise DocumentError(
                f"parsing did not end within {self._limit_s:.0f} s: the text is built in a way that takes "
                "very long to read. Simplify it, or ingest it as plain text (.txt)",
                stage="parse",
            )


def too_deep(what: str, limit: int = MAX_DEPTH) -> DocumentError:
    """The error for nesting beyond a limit."""
    return DocumentError(
        f"{what} are nested more than {limit:,} deep. Flatten it, or ingest it as plain text (.txt)",
        stage="parse",
    )
