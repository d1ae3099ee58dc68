"""A server that says nothing: one that was frozen, or cut off in a way that the system does not notice.

Its own limits of time do not run then, and a client of PostgreSQL waits for as long as the system keeps the
connection. So each connection here has a limit of its own, beyond that of the server.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection

GRACE_S = 2.0  # beyond the server's own limit, which is to speak first


@cache
def patient() -> type[Connection[Any]]:
    """A kind of connection with `silence_s`: so long it waits for a word of the server; None for ever."""
    import psycopg

    class PatientConnection(psycopg.Connection[Any]):
        """Closes itself, and raises OperationalError, where the server says nothing for too long."""

        silence_s: float | None = None

        def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
            if self.silence_s is None:
                return super().wait(gen, *args, **kwargs)
            try:
                return super().wait(_heard(gen, self.silence_s), *args, **kwargs)
            except TimeoutError:
                self.close()
                raise psycopg.OperationalError(f"no word from it for {self.silence_s:g} s") from None

    return PatientConnection


def limit_silence(connection: Connection[Any], statement_timeout_s: float) -> None:
    """Lets a connection wait as long as the server lets a statement run, and a little longer; 0 for ever."""
    if isinstance(connection, patient()):
        connection.silence_s = statement_timeout_s + GRACE_S if statement_timeout_s else None  # type: ignore[attr-defined]


@contextmanager
def any_silence(connection: Connection[Any]) -> Iterator[None]:
    """Lets a connection wait for ever for the time of a block."""
    before = getattr(connection, "silence_s", None)
    limit_silence(connection, 0)
    try:
        yield
    finally:
        if before is not None:
            connection.silence_s = before  # type: ignore[attr-defined]


def _heard(steps: Generator[Any, Any, Any], silence_s: float) -> Generator[Any, Any, Any]:
    """The same steps, given up where what they wait for is not there in time.

    psycopg asks ten times a second, with 0 where there is nothing yet.

    Raises:
        TimeoutError: the server said nothing for so long.
    """
    heard_at = time.monotonic()
    try:
        wanted = next(steps)
        while True:
            ready = yield wanted
            now = time.monotonic()
            if ready:
                heard_at = now
            elif now - heard_at > silence_s:
                steps.close()
                raise TimeoutError
            wanted = steps.send(ready)
    except StopIteration as end:
        return end.value
