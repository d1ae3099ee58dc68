"""`store/pgvector`: an index in a PostgreSQL database, for many processes and machines at once."""

from __future__ import annotations

from ragkit_connectors.pgvector.store import PgvectorStore

__all__ = ["PgvectorStore"]
