"""What the database says, in ragkit's errors, with the remedy; nothing that could hold a password."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ragkit.errors import CorruptIndexError, StoreError, TransientStoreError
from ragkit.secrets import HIDDEN

if TYPE_CHECKING:
    from psycopg import Error

AGAIN = "Try again"
# By SQLSTATE, the longest that fits first: https://www.postgresql.org/docs/current/errcodes-appendix.html
_KINDS: dict[str, tuple[type[StoreError], str]] = {
    "08": (TransientStoreError, f"the connection failed. {AGAIN}"),
    "25006": (
        StoreError,
        "the database is read-only here: a replica, or a role with default_transaction_read_only. Write "
        "through the primary, with a role that may",
    ),
    "25P03": (TransientStoreError, f"the server ended a transaction that was idle for too long. {AGAIN}"),
    "25P04": (TransientStoreError, f"the server ended a transaction that took too long. {AGAIN}"),
    "28": (
        StoreError,
        "the server refuses this user or password. Check them in the connection string, and pg_hba.conf on "
        "the server",
    ),
    "3D000": (StoreError, "there is no such database. Create it (CREATE DATABASE), or mend the dsn"),
    "3F000": (CorruptIndexError, "the index's schema is gone. Restore it from a backup, or ingest again"),
    "42P01": (CorruptIndexError, "a table of the index is gone. Restore it from a backup, or ingest again"),
    "42703": (
        CorruptIndexError,
        "a table of the index was changed. Restore it from a backup, or ingest again",
    ),
    "42501": (
        StoreError,
        "this role lacks a right. Reading needs USAGE on the schema and SELECT on all its tables, writing "
        "INSERT, UPDATE and DELETE too; making, indexing and erasing need their owner",
    ),
    "40": (TransientStoreError, f"another transaction was in the way. {AGAIN}"),
    "53100": (TransientStoreError, "the server's disk is full. Free space and try again"),
    "53": (TransientStoreError, f"the server is short of connections or memory. {AGAIN}"),
    "54": (StoreError, "a value is too large for the database"),
    "55P03": (TransientStoreError, f"something else holds a lock. {AGAIN}"),
    "57014": (
        TransientStoreError,
        "it took longer than statement_timeout_s. Try again, raise it, or use an index (index: hnsw)",
    ),
    "57": (TransientStoreError, f"the server is stopping or starting. {AGAIN}"),
    "58": (TransientStoreError, f"the server cannot read or write its files. {AGAIN}"),
    "XX": (CorruptIndexError, "the server found damage. Look into its log; restore from a backup"),
}

_REFUSALS = (
    ("authentication failed", "28P01"),
    ("no password supplied", "28P01"),
    ("pg_hba.conf", "28000"),
    ("role ", "28000"),
    ("does not exist", "3D000"),
    ("permission denied for database", "42501"),
    ("too many", "53300"),
    ("connection slots", "53300"),
    ("the database system is", "57P03"),
)


def explain(error: Error, where: str, hidden: Sequence[str] = ()) -> StoreError:
    """Our error for one of psycopg's.

    Args:
        where: which index, as `Database.where` says it.
        hidden: passwords that must not be shown, wherever they stand.
    """
    state: Any = getattr(error, "sqlstate", None)
    said = " ".join(masked(str(error), hidden).split("\n", 1)[0].split())[:500]
    if state is None:
        # Of a connection that was refused psycopg keeps no code, only what the server said.
        state = next((code for words, code in _REFUSALS if words in said), None)
    if state is None:
        return TransientStoreError(f"{where}: the database cannot be reached ({said}). {_reached(said)}")
    kind, remedy = next((_KINDS[state[:n]] for n in (5, 2) if state[:n] in _KINDS), (StoreError, ""))
    return kind(f"{where}: {remedy or 'the database refuses'} ({said})")


def masked(text: str, hidden: Sequence[str]) -> str:
    """The text without passwords."""
    for password in sorted(filter(None, hidden), key=len, reverse=True):
        text = text.replace(password, HIDDEN)
    return text


def _reached(said: str) -> str:
    if "could not translate host name" in said or "failed to resolve" in said:
        return "Check the host in the dsn"
    return "Check that the server runs, and host and port of the dsn; then try again"
