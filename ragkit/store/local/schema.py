"""The tables of the manifest, and what tells it from other files."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ragkit.errors import ConfigError, CorruptIndexError
from ragkit.store.sqlite_file import FAILURES, connect, explain, keep_log

FORMAT_VERSION = 2
OPEN = 2**62  # `to_commit` of what nothing has replaced
APPLICATION_ID = 0x52_41_47_4B  # "RAGK", in the file's header, so that a foreign database is told apart

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE head (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    number INTEGER NOT NULL,                    -- the commit that a new reader pins
    n_rows INTEGER NOT NULL,                    -- positions in the vector file that belong to commits
    next_row INTEGER NOT NULL,                  -- the next chunk's row, never one that was used
    generation INTEGER NOT NULL,                -- of the vector file: how often the index was compacted
    kept_from INTEGER NOT NULL,                 -- the oldest commit that can still be read in full
    to_erase INTEGER NOT NULL                   -- 1 until what was deleted is gone from all files too
);
CREATE TABLE sources (                          -- one row per known document: its state
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    uri TEXT,
    content_hash TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    state TEXT NOT NULL,
    stage TEXT,
    reason TEXT,
    n_chunks INTEGER NOT NULL,
    origin TEXT,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE INDEX sources_by_uri ON sources (tenant, uri);
CREATE TABLE documents (                        -- one row per version of a document's content
    key INTEGER PRIMARY KEY,
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    uri TEXT,
    text BLOB NOT NULL,                         -- the canonical text, zlib
    shape TEXT NOT NULL,                        -- metadata, acl, pages, sections, blocks as JSON
    from_commit INTEGER NOT NULL,
    to_commit INTEGER NOT NULL
);
CREATE INDEX documents_by_id ON documents (tenant, id, to_commit);
CREATE TABLE tenants (code INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE acls (code INTEGER PRIMARY KEY, groups TEXT NOT NULL UNIQUE);
CREATE TABLE chunks (
    row INTEGER PRIMARY KEY,                    -- ascending, its rank is the position in the vector file
    id BLOB NOT NULL,
    document INTEGER NOT NULL,
    tenant INTEGER NOT NULL,
    acl INTEGER NOT NULL,
    from_commit INTEGER NOT NULL,
    to_commit INTEGER NOT NULL,
    text TEXT NOT NULL,
    shape TEXT NOT NULL,                        -- span, ordinal, headings, page, lang, metadata as JSON
    checksum INTEGER NOT NULL                   -- CRC-32 of id, text and shape, checked whenever it is read
);
CREATE INDEX chunks_by_id ON chunks (id);
CREATE INDEX chunks_by_document ON chunks (document);
CREATE INDEX chunks_by_end ON chunks (to_commit) WHERE to_commit < 4611686018427387904;
CREATE TABLE segments (                         -- files beside the manifest, one not named here is an orphan
    kind TEXT NOT NULL,                         -- vectors (part of a file that grows), postings, dense
    first_row INTEGER NOT NULL,                 -- a position
    n_rows INTEGER NOT NULL,
    file TEXT NOT NULL,
    n_bytes INTEGER NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (kind, first_row)
) WITHOUT ROWID;
"""


def create(path: Path, spec: str) -> None:
    """Makes an empty manifest, or ends what was begun. Of two processes that do so at once one makes it.

    Raises:
        StoreError: the folder cannot be written to.
    """
    connection = connect(path, may_create=True)
    try:
        keep_log(connection)
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")
            connection.execute(f"PRAGMA user_version = {FORMAT_VERSION:d}")
            connection.execute("INSERT INTO head VALUES (1, 0, 0, 0, 0, 0, 0)")
            connection.execute("INSERT INTO meta VALUES ('spec', ?)", (spec,))
        connection.execute("COMMIT")
    except FAILURES as e:
        raise explain(e, path) from e
    finally:
        connection.close()


def is_unmade(path: Path) -> bool:
    """Whether there is no manifest, or one that was begun and never got its tables: who made it died then.

    Raises:
        CorruptIndexError: it is no database.
    """
    if not path.exists():
        return True
    connection = connect(path)
    try:
        owner = connection.execute("PRAGMA application_id").fetchone()[0]
        return not owner and not connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except FAILURES as e:
        raise explain(e, path) from e
    finally:
        connection.close()


def check_format(connection: sqlite3.Connection, path: Path) -> None:
    """Refuses a file that is not a manifest, or one of another format.

    Raises:
        CorruptIndexError: not a manifest, or unreadable.
        ConfigError: made by another version of ragkit.
    """
    try:
        owner = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    except FAILURES as e:
        raise explain(e, path) from e
    if owner != APPLICATION_ID or not {"meta", "head", "chunks"} <= tables:
        raise CorruptIndexError(
            f"{path}: a SQLite file, but not the manifest of a ragkit index. Name another folder, "
            "or restore this one from a copy if it was an index"
        )
    if version != FORMAT_VERSION:
        raise ConfigError(
            f"{path}: format version {version}, and this ragkit reads version {FORMAT_VERSION}. "
            "Use the ragkit that made it, or ingest again into a new folder"
        )
