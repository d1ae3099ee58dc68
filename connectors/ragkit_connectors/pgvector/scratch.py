"""A schema for a while, and what the server says it is."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ragkit.store.abilities import Engine
from ragkit_connectors.pgvector.connecting import connect
from ragkit_connectors.pgvector.database import Database
from ragkit_connectors.pgvector.settings import PgSettings

T = TypeVar("T")

_VERSIONS = """
SELECT current_setting('server_version'),
    coalesce((SELECT extversion FROM pg_extension WHERE extname = 'vector'), '')
"""


@contextmanager
def scratch_schema(settings: PgSettings, name: str, make: Callable[[PgSettings], T]) -> Iterator[T]:
    """What `make` gives for a schema that nobody else knows of; it is dropped at the end, if it was made."""
    from psycopg.sql import SQL, Identifier

    own = settings.model_copy(update={"name": f"{name[:30]}_{uuid.uuid4().hex[:12]}"})
    database = Database(own)
    try:
        yield make(own)
    finally:
        connection = connect(database.target)
        try:
            with database.explained():
                connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(own.name)))
        finally:
            connection.close()


def engine_of(database: Database) -> Engine:
    """PostgreSQL and pgvector, each with its version as the server says it."""
    with database.own() as connection:
        (server, vector) = connection.execute(_VERSIONS).fetchone() or ("", "")
    return Engine("PostgreSQL + pgvector", version=f"{server} + {vector}")
