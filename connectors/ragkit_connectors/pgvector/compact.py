"""Garbage: what was replaced or removed leaves the tables once no reader can see it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ragkit.errors import StoreError
from ragkit.failpoints import reach
from ragkit.store.abilities import Compaction, Holdings
from ragkit_connectors.pgvector import security
from ragkit_connectors.pgvector.database import Database
from ragkit_connectors.pgvector.leases import Leases
from ragkit_connectors.pgvector.schema import OPEN, TABLES, unsample
from ragkit_connectors.pgvector.session import setting, without_limit

if TYPE_CHECKING:
    from psycopg import Connection

_POLL_S = 0.05
_ALL_TENANTS = "SELECT set_config('ragkit.tenant', '*', true)"
_HEAD = "SELECT number, kept_from, generation, to_erase FROM head"
_N_ENDED = """
SELECT (SELECT count(*) FROM chunks WHERE to_commit <= %(commit)s)
    + (SELECT count(*) FROM documents WHERE to_commit <= %(commit)s)
"""
_DROP = (
    'DELETE FROM postings WHERE chunk IN (SELECT "row" FROM chunks WHERE to_commit <= %(commit)s)',
    "DELETE FROM chunks WHERE to_commit <= %(commit)s",
    "DELETE FROM documents WHERE to_commit <= %(commit)s",
    "UPDATE head SET kept_from = %(commit)s, generation = generation + 1",
)
_IS_OWNER = """
SELECT bool_and(pg_has_role(relowner, 'USAGE')) FROM pg_class
WHERE relkind = 'r' AND relnamespace = to_regnamespace(quote_ident(%s))
"""
# What keeps VACUUM FULL from leaving out rows that were deleted before this transaction: snapshots in this
# database and those of replicas that report theirs, transactions of any database that have written (its own
# snapshot reaches back to them), prepared ones, and replication slots.
_OLDER = """
SELECT count(*) FROM (
    SELECT backend_xmin AS held FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND (datname = current_database() OR datname IS NULL)
    UNION ALL SELECT backend_xid FROM pg_stat_activity WHERE pid <> pg_backend_pid()
    UNION ALL SELECT transaction FROM pg_prepared_xacts
    UNION ALL SELECT xmin FROM pg_replication_slots
    UNION ALL SELECT catalog_xmin FROM pg_replication_slots WHERE database = current_database()
) holders WHERE age(held) >= age(%s::text::xid)
"""
# Up to this transaction VACUUM FULL looked at what was deleted, and left it out.
_N_BEHIND = """
SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname = ANY(%s)
  AND relnamespace = to_regnamespace(quote_ident(%s)) AND age(relfrozenxid) > age(%s::text::xid)
"""
_HOLDINGS = """
SELECT h.number, h.kept_from, h.generation, h.to_erase,
    (SELECT count(*) FROM chunks), (SELECT count(*) FROM chunks WHERE to_commit < %(open)s),
    (SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
     WHERE relkind = 'r' AND relnamespace = to_regnamespace(quote_ident(%(schema)s)))
FROM head h
"""


def holdings(database: Database) -> Holdings:
    """What is kept, and how much of it the current commit does not show."""
    with database.reading() as reading:
        values = {"open": OPEN, "schema": database.settings.name}
        ((number, kept_from, generation, to_erase, n_chunks, n_ended, n_bytes),) = reading.rows(
            _HOLDINGS, values
        )
    return Holdings(
        number, kept_from=kept_from, generation=generation, n_chunks=n_chunks, n_ended=n_ended,
        n_bytes=n_bytes, to_erase=to_erase,
    )  # fmt: skip


def compact(database: Database, connection: Connection[Any], leases: Leases, *, wait_s: float) -> Compaction:
    """Deletes what no reader can see, in one transaction, on the connection that holds the writer's lock.

    Then the space is given back (VACUUM). Where something is to be erased, the tables are written anew
    (VACUUM FULL), which keeps readers waiting for that time and waits `wait_s` for those that are there.

    Raises:
        StoreError: the database refuses; `TransientStoreError` where the same call may go through later.
    """
    with database.explained(), without_limit(connection):
        number, _, _, to_erase = connection.execute(_HEAD).fetchone() or (0, 0, 0, False)
        deadline = time.monotonic() + wait_s
        kept_from = _wait_for_readers(connection, leases, number, deadline)
        reach("compact.begun")
        ended = _dropped(connection, kept_from)
        n_held = _n_ended(connection, number)
        erased = not to_erase
        if to_erase and n_held == 0:
            erased = _rewritten(database, connection, deadline)
        elif ended:
            for table in TABLES:
                connection.execute(f"VACUUM (ANALYZE) {table}")
        reach("compact.erased")
    return Compaction(ended, n_held=n_held, erased=erased)


def mark(connection: Connection[Any]) -> None:
    """Records that something is to be gone from all tables' files."""
    connection.execute("UPDATE head SET to_erase = true")


def _wait_for_readers(connection: Connection[Any], leases: Leases, number: int, deadline: float) -> int:
    while True:
        oldest = leases.oldest(connection, before=number)
        if oldest == number or time.monotonic() >= deadline:
            return oldest
        time.sleep(_POLL_S)


def _n_ended(connection: Connection[Any], commit: int) -> int:
    with connection.transaction():
        connection.execute(_ALL_TENANTS)
        (n,) = connection.execute(_N_ENDED, {"commit": commit}).fetchone() or (0,)
    return int(n)


def _dropped(connection: Connection[Any], commit: int) -> int:
    n = _n_ended(connection, commit)
    if n:
        with connection.transaction():
            connection.execute(_ALL_TENANTS)
            for statement in _DROP:
                connection.execute(statement, {"commit": commit})
            reach("compact.rows")
        reach("compact.done")
    return n


def _rewritten(database: Database, connection: Connection[Any], deadline: float) -> bool:
    """Writes the tables anew, without what was deleted; whether no reader was in the way.

    Raises:
        StoreError: this role does not own the tables, and the server would pass them over without an error.
    """
    import psycopg

    (is_owner,) = connection.execute(_IS_OWNER, [database.settings.name]).fetchone() or (False,)
    if not is_owner:
        raise StoreError(
            f"{database.where}: what was forgotten is gone from every answer, and only the tables' owner can "
            "take it out of their files. Run ragkit compact as that role"
        )
    (now,) = connection.execute("SELECT pg_current_xact_id()::xid::text").fetchone() or ("",)
    if not _is_alone(connection, now, deadline):
        return False
    patience = str(max(1, int((deadline - time.monotonic()) * 1000)))
    try:
        with setting(connection, "lock_timeout", patience):
            unsample(connection)  # an index of an older ragkit may be sampled
            for table in TABLES:
                connection.execute(f"VACUUM (FULL, ANALYZE) {table}")
            _forget_samples(connection, database.settings.name)
    except psycopg.errors.LockNotAvailable:
        return False
    values = (list(TABLES), database.settings.name, now)
    (n_behind,) = connection.execute(_N_BEHIND, values).fetchone() or (1,)
    if n_behind:  # something that began meanwhile held it back
        return False
    connection.execute("UPDATE head SET to_erase = false")
    return True


def _forget_samples(connection: Connection[Any], schema: str) -> None:
    """Drops what the server knows of tenants and terms of empty tables, of which ANALYZE learns nothing."""
    with connection.transaction():
        connection.execute(_ALL_TENANTS)
        is_guarded = security.is_enabled(connection, schema)
        for table in ("sources", "documents", "chunks", "postings"):
            if connection.execute(f"SELECT FROM {table} LIMIT 1").fetchone() is not None:
                continue
            if is_guarded:  # a policy on the column stands in the way for a moment, which nobody sees
                connection.execute(f"DROP POLICY ragkit_tenant ON {table}")
            connection.execute(f"ALTER TABLE {table} ALTER COLUMN tenant TYPE bytea")
            if table == "postings":
                connection.execute("ALTER TABLE postings ALTER COLUMN term TYPE bytea")
        if is_guarded:
            security.enable(connection)


def _is_alone(connection: Connection[Any], now: str, deadline: float) -> bool:
    """Waits for what could still see what was deleted."""
    while True:
        (n,) = connection.execute(_OLDER, [now]).fetchone() or (0,)
        if not n or time.monotonic() >= deadline:
            return not n
        time.sleep(_POLL_S)
