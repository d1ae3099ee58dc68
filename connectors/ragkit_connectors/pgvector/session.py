"""Settings of a session for the time of a block."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ragkit_connectors.pgvector.silence import any_silence

if TYPE_CHECKING:
    from psycopg import Connection


@contextmanager
def setting(connection: Connection[Any], name: str, value: str) -> Iterator[None]:
    """Another value of a setting; what it was before is back when the block ends, however it ends.

    For what cannot run in a transaction, such as VACUUM: in one, `set_config(…, true)` does it.
    """
    import psycopg

    (before,) = connection.execute("SELECT current_setting(%s)", [name]).fetchone() or ("",)
    connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    try:
        yield
    finally:
        with contextlib.suppress(psycopg.Error):  # the connection is gone, and the setting with it
            connection.execute("SELECT set_config(%s, %s, false)", (name, before))


@contextmanager
def without_limit(connection: Connection[Any]) -> Iterator[None]:
    """Lets statements take as long as they take: upkeep of a large index is no question."""
    with any_silence(connection), setting(connection, "statement_timeout", "0"):
        yield
