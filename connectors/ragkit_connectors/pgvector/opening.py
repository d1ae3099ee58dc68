"""From settings to a database that holds an index for a spec: looked at, made where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragkit.errors import ConfigError, CorruptIndexError, StoreError
from ragkit.protocols import RankerFactory
from ragkit.store.bm25.formula import Bm25
from ragkit.store.bm25.search import DefaultBm25
from ragkit.store_spec import StoreSpec
from ragkit_connectors.pgvector import approximate, schema, security
from ragkit_connectors.pgvector.connecting import connect, set_up
from ragkit_connectors.pgvector.database import Database
from ragkit_connectors.pgvector.upgrade import upgrade

if TYPE_CHECKING:
    from psycopg import Connection

# Of two processes that make the same index at once, one makes it.
_MAKING = "SELECT pg_advisory_xact_lock(hashtextextended('ragkit ' || %s, 0))"


@dataclass(frozen=True, slots=True)
class Opened:
    """What an index was opened for, and whether its pgvector scans on for filters (0.8 and newer)."""

    spec: StoreSpec
    is_iterative: bool


def opened(database: Database, spec: StoreSpec | None, *, create: bool) -> Opened:
    """Looks at the server and the index, and makes the index where there is none.

    Raises:
        ConfigError, StoreError: see `PgvectorStore.open`.
    """
    settings, where = database.settings, database.where
    connection = connect(database.target)
    try:
        with database.explained():
            schema.check_server(connection, where)
            tables = schema.tables_in(connection, settings.name)
            if not tables and (spec is None or not create):
                raise StoreError(f"{where}: no index here. Make one: ragkit ingest DOCS --config rag.yaml")
            schema.check_extension(connection, where, settings.name, create=not tables)
            schema.check_usage(connection, settings.name, where)
            if settings.tenancy == "rls":
                security.check_role(connection, where)
            set_up(connection, settings, where)
            if not tables and spec is not None:
                _make(database, connection, spec)
                tables = schema.tables_in(connection, settings.name)
            recorded = _recorded(connection, tables or set(), where)
            if spec is not None:
                spec = spec.completed(recorded)
                spec.check(recorded, where)
            spec = spec or recorded
            version = schema.version_of_vector(connection)
            approximate.check(settings, spec.dimension, version)
            if settings.tenancy == "rls":
                security.check_tenants(spec.has_tenants, where)
            security.check_mode(connection, settings.name, settings.tenancy, where)
            return Opened(spec, version >= (0, 8))
    finally:
        connection.close()


def bm25_of(ranker: RankerFactory | None) -> Bm25:
    """The formula that a collection ranks by.

    Raises:
        ConfigError: it is another than our own, which the database cannot count for.
    """
    if ranker is None:
        return Bm25()
    if not isinstance(ranker, DefaultBm25):
        raise ConfigError(
            f"store/pgvector ranks by bm25/default, whose parameters may be set, and not by "
            f"{type(ranker).__name__}. Set collection.bm25.use: bm25/default"
        )
    return Bm25(ranker.config.k1, b=ranker.config.b)


def _make(database: Database, connection: Connection[Any], spec: StoreSpec) -> None:
    import psycopg

    name, where = database.settings.name, database.where
    if not 1 <= spec.dimension <= schema.MOST_DIMENSIONS:
        raise ConfigError(
            f"{where}: pgvector takes vectors of 1 to {schema.MOST_DIMENSIONS:,} numbers, and the embedder "
            f"gives {spec.dimension:,}"
        )
    if database.settings.tenancy == "rls":
        security.check_tenants(spec.has_tenants, where)
    try:
        with connection.transaction():
            connection.execute(_MAKING, [name])
            tables = schema.tables_in(connection, name)
            if tables:
                return
            if tables is None:
                connection.execute(psycopg.sql.SQL("CREATE SCHEMA {}").format(psycopg.sql.Identifier(name)))
            schema.create(connection, spec.dimension, spec.to_json())
            if database.settings.tenancy == "rls":
                security.enable(connection)
    except psycopg.errors.InsufficientPrivilege as e:
        raise StoreError(
            f"{where}: this role may not make the schema or its tables. Let an administrator run: GRANT "
            f"CREATE ON DATABASE … TO this role; or: CREATE SCHEMA {name} AUTHORIZATION this role"
        ) from e
    except psycopg.errors.ReadOnlySqlTransaction as e:
        raise StoreError(
            f"{where}: there is no index here, and the database is read-only for this role. Make the index "
            "through the primary, with a role that may write"
        ) from e


def _recorded(connection: Connection[Any], tables: set[str], where: str) -> StoreSpec:
    meta = schema.recorded(connection, tables, where)
    upgrade(connection, meta.get("format"), where)
    try:
        return StoreSpec.from_json(str(meta.get("spec")))
    except (ValueError, KeyError, TypeError) as e:
        raise CorruptIndexError(
            f"{where}: what it was made with is unreadable ({e}). Restore the schema from a backup, or drop "
            "it and ingest again"
        ) from e
