"""What an adapter offers: `adapters/NAME.py` has `DISTRIBUTION` and `make(task, encoder, folder)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

Search = Callable[[str], list[str]]
"""From a question's text to ids of passages, best first."""

DOCUMENTED = "documented"
"""The way that the library's documentation shows for hybrid search; other ways are variants."""


class Peer(Protocol):
    """A library that holds the passages of a task."""

    def ingest(self) -> None:
        """Indexes the passages for the documented way, and saves the index where the library can."""
        ...

    def ways(self) -> Mapping[str, Callable[[], Search]]:
        """What makes each search; the first is the documented one. Making one is not timed."""
        ...

    def within(self, shelf: str, k: int) -> Search:
        """The documented hybrid search for `k` passages of one shelf."""
        ...

    def close(self) -> None:
        """Lets go of what it holds."""
        ...
