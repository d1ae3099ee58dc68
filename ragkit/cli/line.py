"""Progress in one line of a terminal."""

from __future__ import annotations

import sys


class Line:
    """Shows how far something is on standard error, where that is a terminal.

    >>> Line(quiet=True)(1, 2, "nothing is shown")
    """

    def __init__(self, *, quiet: bool) -> None:
        self._is_shown = not quiet and sys.stderr.isatty()

    def __call__(self, done: int, total: int, what: str) -> None:
        """`done` of `total`; the line goes when all is done."""
        if self._is_shown:
            shown = f"{done} of {total}  {what[:60]}" if done < total else ""
            sys.stderr.write(f"\r\033[K{shown}")
            sys.stderr.flush()
