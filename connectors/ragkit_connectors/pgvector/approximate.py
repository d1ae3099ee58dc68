"""What an ingestion ends with: the approximate index over the vectors, and what the planner knows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ragkit.errors import ConfigError
from ragkit_connectors.pgvector.patience import patiently
from ragkit_connectors.pgvector.schema import TABLES, unsample_indexes
from ragkit_connectors.pgvector.settings import PgSettings

if TYPE_CHECKING:
    from psycopg import Connection

INDEX = "chunks_by_nearness"
_NEXT = "chunks_by_nearness_next"
_MOST = {("hnsw", False): 2_000, ("hnsw", True): 4_000, ("ivfflat", False): 2_000, ("ivfflat", True): 4_000}
_STALE = 0.2
_KNOWN = "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = to_regclass('chunks')"
_DEFINED = "SELECT obj_description(to_regclass(%s), 'pg_class')"


def check(settings: PgSettings, dimension: int, version: tuple[int, ...]) -> None:
    """Refuses an index that this version of pgvector cannot build.

    Raises:
        ConfigError: its vectors are too long, or half precision is not there yet.
    """
    if settings.index == "none":
        return
    if settings.halfvec and version < (0, 7):
        raise ConfigError(
            f"store/pgvector: halfvec: true needs pgvector 0.7 or newer, and the server has "
            f"{'.'.join(map(str, version))}. Upgrade it, or set halfvec: false"
        )
    most = _MOST[settings.index, settings.halfvec]
    if dimension > most:
        wider = "" if settings.halfvec or dimension > 4_000 else ", or halfvec: true, which takes 4,000"
        raise ConfigError(
            f"store/pgvector: index: {settings.index} takes vectors of at most {most:,} numbers, and the "
            f"embedder gives {dimension:,}. Set index: none{wider}"
        )


def refresh(connection: Connection[Any], n_rows: int) -> None:
    """Lets the server know what the tables hold, once that is another matter than it knows of.

    Its plans for a table that has just been filled are those for an empty one otherwise, until it looks by
    itself. Where this role may not do so, the server passes the tables over.
    """
    (known,) = connection.execute(_KNOWN).fetchone() or (0,)
    if abs(n_rows - known) > known * _STALE:
        for table in TABLES:
            connection.execute(f"VACUUM (ANALYZE) {table}")


def build(connection: Connection[Any], settings: PgSettings, dimension: int, n_rows: int) -> bool:
    """Makes the index be the one that the settings ask for; whether anything was built or dropped.

    Below `exact_below` chunks there is none: all are compared. Readers go on while it is built, under a name
    of its own; then it takes the place of the other one, for which readers wait at most `_PATIENCE_MS` a try.

    Raises:
        psycopg.errors.LockNotAvailable: a reader or writer was in the way for `_TRIES` times that long. What
            was built is kept, and the next call goes on from there.
    """
    (found,) = connection.execute(_DEFINED, [INDEX]).fetchone() or (None,)
    wanted = None
    if settings.index != "none" and n_rows > settings.exact_below:
        wanted = _definition(settings, dimension, n_rows)
    # The number of lists that suits grows with the chunks: it is no reason to build anew.
    if (found or "").partition("(lists")[0] == (wanted or "").partition("(lists")[0]:
        _drop_remains(connection)
        return False
    if wanted is not None:
        _build_beside(connection, wanted)
    patiently(connection, lambda: _swap(connection, is_built=wanted is not None))
    return True


def _build_beside(connection: Connection[Any], wanted: str) -> None:
    (begun,) = connection.execute(_DEFINED, [_NEXT]).fetchone() or (None,)
    if begun is not None and begun.partition("(lists")[0] == wanted.partition("(lists")[0]:
        return
    _drop_remains(connection)

    def make() -> None:
        connection.execute(f"CREATE INDEX {_NEXT} ON chunks USING {wanted}")
        connection.execute(f"COMMENT ON INDEX {_NEXT} IS '{wanted}'")
        unsample_indexes(connection, "chunks")

    patiently(connection, make)


def _drop_remains(connection: Connection[Any]) -> None:
    """Of a call that built another index, and could not put it in its place."""
    if connection.execute("SELECT to_regclass(%s)", [_NEXT]).fetchone() != (None,):
        patiently(connection, lambda: connection.execute(f"DROP INDEX IF EXISTS {_NEXT}"))


def _swap(connection: Connection[Any], *, is_built: bool) -> None:
    connection.execute(f"DROP INDEX IF EXISTS {INDEX}")
    if is_built:
        connection.execute(f"ALTER INDEX {_NEXT} RENAME TO {INDEX}")


def _definition(settings: PgSettings, dimension: int, n_rows: int) -> str:
    """Numbers and words of ours alone: nothing in it is a text of a user."""
    column = "(embedding vector_ip_ops)"
    if settings.halfvec:
        column = f"((embedding::halfvec({dimension:d})) halfvec_ip_ops)"
    if settings.index == "hnsw":
        m, ef = settings.neighbours, max(settings.ef_construction, 2 * settings.neighbours)
        return f"hnsw {column} WITH (m = {m:d}, ef_construction = {ef:d})"
    lists = settings.lists or max(1, min(32_768, 2 * math.isqrt(n_rows)))
    return f"ivfflat {column} WITH (lists = {lists:d})"
