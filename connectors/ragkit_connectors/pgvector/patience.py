"""Locks that keep everybody else waiting, asked for a moment at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection

_PATIENCE_MS, _PAUSE_S, _TRIES = 1_000, 0.5, 20


def patiently(connection: Connection[Any], work: Callable[[], object]) -> None:
    """A transaction that waits only a moment for a lock, as others wait for it meanwhile; a few times.

    Raises:
        psycopg.errors.LockNotAvailable: somebody was in the way each time.
    """
    import psycopg

    for attempt in range(1, _TRIES + 1):
        try:
            with connection.transaction():
                connection.execute("SELECT set_config('lock_timeout', %s, true)", [str(_PATIENCE_MS)])
                work()
            return
        except psycopg.errors.LockNotAvailable:
            if attempt == _TRIES:
                raise
        time.sleep(_PAUSE_S)
