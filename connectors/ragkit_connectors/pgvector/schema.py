"""The tables of an index, how they are made, and what must be true of the server and of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragkit.errors import CorruptIndexError, StoreError

if TYPE_CHECKING:
    from psycopg import Connection

FORMAT_VERSION = 3
OPEN = 2**62  # `to_commit` of what nothing has replaced
OLDEST_SERVER, OLDEST_VECTOR = 140_000, (0, 5)
MOST_DIMENSIONS = 16_000
_INLINE_DIMENSIONS = 1_024  # up to here a vector lies in its row, which a search reads in one pass
MOVE_EXTENSION = "Let an administrator move it: ALTER EXTENSION vector SET SCHEMA public"
TABLES = ("meta", "head", "sources", "documents", "chunks", "postings")

# Names and contents are bytes: any Python text, in the order of its code points. Long names are looked up by
# their digest, for an index of PostgreSQL takes short keys only.
_STATEMENTS = (
    "CREATE TABLE meta (key text PRIMARY KEY, value text NOT NULL)",
    """CREATE TABLE head (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    number bigint NOT NULL,                     -- the commit that a new reader pins
    n_sources bigint NOT NULL,                  -- known documents, and the chunks that are shown of them:
    n_chunks bigint NOT NULL,                   -- by these rows that were lost whole are missed
    next_row bigint NOT NULL,                   -- the next chunk's row, never one that was used
    next_key bigint NOT NULL,                   -- the same of documents
    generation bigint NOT NULL,                 -- how often the index was compacted
    kept_from bigint NOT NULL,                  -- the oldest commit that can still be read in full
    to_erase boolean NOT NULL,                  -- until what was forgotten is gone from all tables' files
    token uuid NOT NULL                         -- of the last commit, by which a writer knows its own
)""",
    """CREATE TABLE sources (                     -- one row per known document: its state
    tenant bytea NOT NULL,
    id bytea NOT NULL,
    uri bytea,
    content_hash bytea NOT NULL,
    fingerprint bytea NOT NULL,
    state text NOT NULL,
    stage bytea,
    reason bytea,
    n_chunks integer NOT NULL,
    origin bytea
)""",
    "CREATE UNIQUE INDEX sources_by_id ON sources (tenant, sha256(id))",
    "CREATE INDEX sources_in_order ON sources (tenant, substring(id from 1 for 512))",
    "CREATE INDEX sources_by_uri ON sources (tenant, sha256(uri))",
    "CREATE INDEX sources_in_quarantine ON sources (tenant) WHERE state = 'quarantined'",
    """CREATE TABLE documents (                   -- one row per version of a document's content
    key bigint PRIMARY KEY,
    tenant bytea NOT NULL,
    id bytea NOT NULL,
    uri bytea,
    text bytea NOT NULL,                        -- the canonical text, zlib
    shape bytea NOT NULL,                       -- metadata, acl, pages, sections, blocks as JSON
    from_commit bigint NOT NULL,
    to_commit bigint NOT NULL
)""",
    "CREATE INDEX documents_by_id ON documents (tenant, sha256(id), to_commit)",
    "CREATE INDEX documents_by_end ON documents (to_commit)",
    """CREATE TABLE chunks (
    "row" bigint PRIMARY KEY,
    id bytea NOT NULL,
    document bigint NOT NULL,
    tenant bytea NOT NULL,
    acl jsonb NOT NULL,                         -- the groups, spelled (see encoding.py)
    from_commit bigint NOT NULL,
    to_commit bigint NOT NULL,
    n_terms integer NOT NULL,                   -- for BM25, repeats included
    checksum bigint NOT NULL,                   -- CRC-32 of id, text and shape, checked whenever it is read
    vector_checksum bigint NOT NULL,            -- and of the vector and the terms, see checksums.py
    terms_checksum bigint NOT NULL,
    text bytea NOT NULL,
    shape bytea NOT NULL,                       -- span, ordinal, headings, page, lang, metadata, uri as JSON
    fields jsonb NOT NULL,                      -- the metadata for filters (see fields.py)
    embedding vector({dimension}) NOT NULL,
    reading bytea                               -- what a reranker read in it, which can be made again
)""",
    "ALTER TABLE chunks ALTER COLUMN embedding SET STORAGE {storage}",
    "ALTER TABLE chunks ALTER COLUMN reading SET STORAGE EXTERNAL",
    "CREATE INDEX chunks_by_id ON chunks (id)",
    "CREATE INDEX chunks_by_document ON chunks (document)",
    "CREATE INDEX chunks_by_tenant ON chunks (tenant, to_commit)",
    "CREATE INDEX chunks_by_end ON chunks (to_commit)",
    "CREATE INDEX chunks_by_fields ON chunks USING gin (fields jsonb_path_ops)",
    """CREATE TABLE postings (                    -- how often each chunk holds each term
    tenant bytea NOT NULL,
    term bytea NOT NULL,
    chunk bigint NOT NULL,
    n integer NOT NULL,
    PRIMARY KEY (tenant, term, chunk) INCLUDE (n)
)""",
    "INSERT INTO head VALUES (true, 0, 0, 0, 0, 0, 0, 0, false, gen_random_uuid())",
)
# Columns of content: the server keeps no samples of them for its planner, where they would outlive the rows.
# Tenants and terms are sampled, for without it a search for rare terms reads all chunks.
_CONTENT = {
    "sources": ("id", "uri", "content_hash", "fingerprint", "stage", "reason", "origin"),
    "documents": ("id", "uri", "text", "shape"),
    "chunks": (
        "id",
        "acl",
        "checksum",
        "vector_checksum",
        "terms_checksum",
        "text",
        "shape",
        "fields",
        "embedding",
        "reading",
    ),
}
_SAMPLED = """
SELECT a.attname::text, format_type(a.atttypid, a.atttypmod),
    CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END
FROM pg_attribute a WHERE a.attrelid = to_regclass(%s) AND a.attname = ANY(%s)
  AND coalesce(a.attstattarget, -1) <> 0
"""
_SAMPLED_BY_INDEX = """
SELECT c.relname::text, a.attnum
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_attribute a ON a.attrelid = c.oid
WHERE i.indrelid = to_regclass(%s) AND i.indkey[a.attnum - 1] = 0 AND coalesce(a.attstattarget, -1) <> 0
"""


def create(connection: Connection[Any], dimension: int, spec: str) -> None:
    """Makes the tables in the schema of the connection. Call it in a transaction."""
    storage = "PLAIN" if dimension <= _INLINE_DIMENSIONS else "EXTERNAL"
    for statement in _STATEMENTS:
        connection.execute(statement.replace("{dimension}", f"{dimension:d}").replace("{storage}", storage))
    connection.execute(
        "INSERT INTO meta VALUES ('made by', 'ragkit'), ('format', %s), ('spec', %s)",
        (str(FORMAT_VERSION), spec),
    )
    unsample(connection)


def unsample(connection: Connection[Any]) -> None:
    """Makes the server sample no content of the tables, nor of what indexes work out of it.

    What it has sampled of them before goes too. It needs the tables' owner.
    """
    for table, content in _CONTENT.items():
        with connection.transaction():
            for column, type_, storage in connection.execute(_SAMPLED, (table, list(content))).fetchall():
                altered = f"ALTER TABLE {table} ALTER COLUMN {column}"
                # The same type again: rows stay as they are, and samples are dropped.
                connection.execute(f"{altered} TYPE {type_}")
                connection.execute(f"{altered} SET STORAGE {storage}")
                connection.execute(f"{altered} SET STATISTICS 0")
            unsample_indexes(connection, table)


def unsample_indexes(connection: Connection[Any], table: str) -> None:
    """Makes the server sample nothing that a table's indexes work out."""
    for index, number in connection.execute(_SAMPLED_BY_INDEX, [table]).fetchall():
        connection.execute(f"ALTER INDEX {index} ALTER COLUMN {number} SET STATISTICS 0")


def tables_in(connection: Connection[Any], schema: str) -> set[str] | None:
    """The names of a schema's tables; None where there is no such schema."""
    # Read from the table: to_regnamespace may remember that there was none before another process made it.
    row = connection.execute("SELECT oid FROM pg_namespace WHERE nspname = %s", [schema]).fetchone()
    if row is None:
        return None
    rows = connection.execute(
        "SELECT relname::text FROM pg_class WHERE relnamespace = %s AND relkind IN ('r', 'p', 'v', 'm', 'f')",
        [row[0]],
    )
    return {name for (name,) in rows}


def check_server(connection: Connection[Any], where: str) -> None:
    """Refuses a server that cannot hold an index.

    Raises:
        StoreError: it is too old, or its encoding is not UTF-8.
    """
    if connection.info.server_version < OLDEST_SERVER:
        raise StoreError(
            f"{where}: PostgreSQL {connection.info.server_version // 10_000}, and store/pgvector needs 14 or "
            "newer. Upgrade the server"
        )
    (encoding,) = connection.execute("SELECT current_setting('server_encoding')").fetchone() or ("",)
    if encoding != "UTF8":
        raise StoreError(
            f"{where}: the database's encoding is {encoding}, and an index needs UTF8. Create another one: "
            "CREATE DATABASE rag ENCODING 'UTF8' TEMPLATE template0"
        )


def check_extension(connection: Connection[Any], where: str, schema: str, *, create: bool) -> None:
    """Makes sure that pgvector is there; creates it where that is allowed, in the schema `public`.

    Args:
        schema: the index's.
        create: whether an index is about to be made.

    Raises:
        StoreError: it is missing or too old, or lies where an index is to be made.
    """
    import psycopg

    installed = version_of_vector(connection)
    if not installed and create:
        available = connection.execute(
            "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"
        ).fetchone()
        if available is None:
            raise StoreError(
                f"{where}: pgvector is not installed on the server. Install its package (for example "
                "postgresql-17-pgvector), or use the image pgvector/pgvector"
            )
        try:
            # Said, for the first place of search_path may be an index's schema, which is dropped some day.
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
        except psycopg.errors.UniqueViolation:  # somebody else was faster
            pass
        except psycopg.errors.InvalidSchemaName as e:
            raise StoreError(
                f"{where}: the extension vector is not in this database, and the schema public, where it "
                "would be made, is not either. Let an administrator run there: CREATE EXTENSION vector "
                "SCHEMA …"
            ) from e
        except psycopg.errors.InsufficientPrivilege as e:
            raise StoreError(
                f"{where}: the extension vector is not in this database, and this role may not create it. "
                "Let an administrator run there: CREATE EXTENSION vector SCHEMA public"
            ) from e
        installed = version_of_vector(connection)
    if not installed:
        raise StoreError(
            f"{where}: the extension vector is not in this database. Let an administrator run there: CREATE "
            "EXTENSION vector SCHEMA public"
        )
    if installed < OLDEST_VECTOR:
        raise StoreError(
            f"{where}: pgvector {'.'.join(map(str, installed))}, and store/pgvector needs 0.5 or newer. "
            "Upgrade its package, then run: ALTER EXTENSION vector UPDATE"
        )
    if create and holds_extension(connection, schema):
        raise StoreError(
            f"{where}: the extension vector lies in this schema, and who drops the one drops the other, with "
            f"the vectors of every index of the database. {MOVE_EXTENSION}"
        )


def holds_extension(connection: Connection[Any], schema: str) -> bool:
    """Whether pgvector lies in this schema, so that dropping it takes all vectors of the database along."""
    row = connection.execute(
        "SELECT 1 FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
        "WHERE e.extname = 'vector' AND n.nspname = %s",
        [schema],
    ).fetchone()
    return row is not None


def check_usage(connection: Connection[Any], schema: str, where: str) -> None:
    """Refuses a role that may not look into the index's schema or into pgvector's: it would see no table.

    Raises:
        StoreError: it is one; the error says what grants the right.
    """
    rows = connection.execute(
        "SELECT quote_ident(n.nspname), quote_ident(current_user) FROM pg_namespace n WHERE (n.nspname = %s "
        "OR n.oid = (SELECT extnamespace FROM pg_extension WHERE extname = 'vector')) "
        "AND NOT has_schema_privilege(n.oid, 'USAGE') ORDER BY n.nspname = %s",
        (schema, schema),
    ).fetchall()
    if rows:
        names, (_, role) = ", ".join(name for name, _ in rows), rows[0]
        raise StoreError(
            f"{where}: this role lacks the right USAGE on {names}. Let the owner run: GRANT USAGE ON SCHEMA "
            f"{names} TO {role}; for the index's tables: GRANT SELECT ON ALL TABLES IN SCHEMA "
            f"{schema} TO {role}"
        )


def recorded(connection: Connection[Any], tables: set[str], where: str) -> dict[str, str]:
    """What the index says of itself: its `format`, and the `spec` that it was made with.

    Raises:
        StoreError: the schema holds something else.
        CorruptIndexError: tables are missing.
    """
    if "meta" not in tables or "head" not in tables:
        raise StoreError(
            f"{where}: this schema holds other tables ({', '.join(sorted(tables)[:5])}) and no ragkit index. "
            "Give the index a schema of its own: name: …"
        )
    import psycopg

    try:
        meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    except (psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedTable):
        meta = {}
    if meta.get("made by") != "ragkit":
        raise StoreError(
            f"{where}: the table meta was made by something else. Give the index a schema of its own: name: …"
        )
    missing = sorted(set(TABLES) - tables)
    if missing:
        raise CorruptIndexError(
            f"{where}: the tables {', '.join(missing)} are gone. Restore the schema from a backup, or drop "
            "it and ingest again"
        )
    return meta


def version_of_vector(connection: Connection[Any]) -> tuple[int, ...]:
    """The version of pgvector in this database; empty where it is not there."""
    row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
    return () if row is None else tuple(int(part) for part in str(row[0]).split(".")[:2])
