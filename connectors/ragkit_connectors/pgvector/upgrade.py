"""An index that an older ragkit made, brought to the format of this one in place: nothing in it is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragkit.errors import ConfigError, StoreError
from ragkit_connectors.pgvector.patience import patiently
from ragkit_connectors.pgvector.schema import FORMAT_VERSION

if TYPE_CHECKING:
    from psycopg import Connection

# By the format that each begins with. None reads or writes a row, so none takes longer for a large index.
_STEPS: dict[str, tuple[str, ...]] = {
    "2": (
        "ALTER TABLE chunks ADD COLUMN IF NOT EXISTS reading bytea",
        "ALTER TABLE chunks ALTER COLUMN reading SET STORAGE EXTERNAL",
        "ALTER TABLE chunks ALTER COLUMN reading SET STATISTICS 0",
    ),
}
_FORMAT = "SELECT value FROM meta WHERE key = 'format'"
_SET_FORMAT = "UPDATE meta SET value = %s WHERE key = 'format' AND value = %s"


def upgrade(connection: Connection[Any], found: str | None, where: str) -> None:
    """Brings the tables in the schema of the connection from a format to the one that this ragkit reads.

    Readers and a writer go on meanwhile: each step waits for them a moment, a few times.

    Args:
        found: the format that is recorded; None for none.
        where: which index, for people.

    Raises:
        ConfigError: no step leads from that format to this one.
        StoreError: the tables are older, and this role may not change them.
        psycopg.errors.LockNotAvailable: others were in the way for too long. Nothing is changed then.
    """
    import psycopg

    if found == str(FORMAT_VERSION):
        return
    if found not in _STEPS:
        raise ConfigError(
            f"{where}: format version {found}, and this ragkit reads version {FORMAT_VERSION}. Use the "
            "ragkit that made it, or ingest again into a new schema"
        )
    try:
        patiently(connection, lambda: _go(connection))
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction) as e:
        raise StoreError(
            f"{where}: an older ragkit made it (format version {found}, expected {FORMAT_VERSION}), and this "
            "role may not change its tables. Let their owner open it once on the primary, which keeps all "
            "that is in it: ragkit check"
        ) from e


def _go(connection: Connection[Any]) -> None:
    """All steps in the transaction that is under way; none where another process was faster."""
    connection.execute("LOCK TABLE chunks IN ACCESS EXCLUSIVE MODE")
    while (found := (connection.execute(_FORMAT).fetchone() or ("",))[0]) in _STEPS:
        for statement in _STEPS[found]:
            connection.execute(statement)
        connection.execute(_SET_FORMAT, (str(int(found) + 1), found))
