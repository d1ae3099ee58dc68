"""The manifest as an object: connections for reading, and one transaction per commit for writing."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.errors import CorruptIndexError, StoreError
from ragkit.protocols import Change, DocumentState, StoreCounts
from ragkit.store.local import codec, schema
from ragkit.store.local.schema import OPEN
from ragkit.types import Chunk, Document

_STATE = "id, tenant, uri, content_hash, fingerprint, state, stage, reason, n_chunks, origin"


@dataclass(frozen=True, slots=True)
class Head:
    """The current commit, and how many rows of the vector file belong to commits."""

    number: int
    n_rows: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A file, or part of one, that the manifest vouches for."""

    kind: str
    first_row: int
    n_rows: int
    file: str
    n_bytes: int
    checksum: str


def _close_idle(idle: list[sqlite3.Connection], process: int) -> None:
    if process == os.getpid():
        for connection in idle:
            connection.close()
        idle.clear()


class SqliteManifest:
    """The truth about a folder. Any number of threads may read at once, each on a connection of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: list[sqlite3.Connection] = []
        # One that nobody closed is closed when the last reference to it goes.
        weakref.finalize(self, _close_idle, self._idle, os.getpid())
        self._inherited: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for the time of a block; SQLite's errors come out as ours."""
        connection = self._take()
        try:
            yield connection
        except sqlite3.DatabaseError as e:
            raise schema.explain(e, self.path) from e
        finally:
            self._give_back(connection)

    def check_open(self) -> None:
        """Raises StoreError once `close` was called."""
        if self._closed:
            raise StoreError(f"{self.path.parent}: this store was closed. Open it again")

    def close(self) -> None:
        """Closes all connections, one that is in use when its block ends."""
        with self._lock:
            self._closed = True
            idle = list(self._idle)
            self._idle.clear()
        for connection in idle:
            connection.close()

    def _take(self) -> sqlite3.Connection:
        if self._process != os.getpid():
            self._leave_to_parent()
        with self._lock:
            self.check_open()
            if self._idle:
                return self._idle.pop()
        return schema.connect(self.path)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        # Only now: to close a connection that another thread is reading from crashes the interpreter.
        connection.close()

    def _leave_to_parent(self) -> None:
        """After a fork: SQLite's connections, and a lock that a thread of the parent held, stay with it."""
        self._inherited, self._idle = [*self._inherited, *self._idle], []
        weakref.finalize(self, _close_idle, self._idle, os.getpid())
        self._lock, self._process = threading.Lock(), os.getpid()

    # --- reading ----------------------------------------------------------------------------------

    def spec(self) -> str:
        """The spec as it was recorded."""
        with self.reading() as db:
            schema.check_format(db, self.path)
            return str(db.execute("SELECT value FROM meta WHERE key = 'spec'").fetchone()[0])

    def head(self) -> Head:
        """The current commit."""
        with self.reading() as db:
            return read_head(db)

    def state(self, tenant: str, document_id: str) -> DocumentState | None:
        """What is known of a document, or None."""
        with self.reading() as db:
            row = db.execute(
                f"SELECT {_STATE} FROM sources WHERE tenant = ? AND id = ?",  # noqa: S608  (a constant)
                (tenant, document_id),
            ).fetchone()
        return None if row is None else _state(row)

    def states(self, tenant: str | None = None) -> list[DocumentState]:
        """All documents of a tenant, or of all tenants, by tenant and id."""
        with self.reading() as db:
            rows = db.execute(
                f"SELECT {_STATE} FROM sources WHERE ? IS NULL OR tenant = ? ORDER BY tenant, id",  # noqa: S608
                (tenant, tenant),
            ).fetchall()
        return [_state(row) for row in rows]

    def source(self, tenant: str, document_id: str) -> Document | None:
        """A document as it was committed; None when there is none."""
        with self.reading() as db:
            row = db.execute(
                "SELECT id, uri, text, shape FROM documents WHERE tenant = ? AND id = ? AND to_commit = ?",
                (tenant, document_id, OPEN),
            ).fetchone()
        return None if row is None else codec.document_from(*row)

    def counts(self) -> StoreCounts:
        """Counts at the current commit."""
        with self.reading() as db:
            db.execute("BEGIN")
            documents, tenants = db.execute(
                "SELECT count(*), count(DISTINCT tenant) FROM documents WHERE to_commit = ?", (OPEN,)
            ).fetchone()
            (chunks,) = db.execute("SELECT count(*) FROM chunks WHERE to_commit = ?", (OPEN,)).fetchone()
            (bad,) = db.execute("SELECT count(*) FROM sources WHERE state = 'quarantined'").fetchone()
        return StoreCounts(documents=documents, chunks=chunks, tenants=tenants, quarantined=bad)

    def rows_of(self, ids: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """The rows that carry each chunk id: more than one where content came back after it was replaced."""
        found: dict[str, list[int]] = {i: [] for i in ids}
        with self.reading() as db:
            for identity in ids:
                key = _id_bytes(identity)
                if key is not None:
                    found[identity] += [
                        row for (row,) in db.execute("SELECT row FROM chunks WHERE id = ?", (key,))
                    ]
        return {i: tuple(rows) for i, rows in found.items()}

    def chunks(self, rows: Iterable[int]) -> dict[int, Chunk]:
        """The chunks of these rows."""
        found: dict[int, Chunk] = {}
        with self.reading() as db:
            for row in rows:
                record = db.execute(
                    "SELECT c.id, d.id, c.text, c.shape, t.name, a.groups FROM chunks c "
                    "JOIN documents d ON d.key = c.document JOIN tenants t ON t.code = c.tenant "
                    "JOIN acls a ON a.code = c.acl WHERE c.row = ?",
                    (row,),
                ).fetchone()
                if record is None:
                    raise CorruptIndexError(
                        f"{self.path}: row {row} has lost its document. ragkit verify shows all that is "
                        "damaged"
                    )
                identity, document_id, text, shape, tenant, groups = record
                owner = (tenant, tuple(json.loads(groups)))
                found[row] = codec.chunk_from(identity, document_id, text, shape, owner)
        return found


# --- writing --------------------------------------------------------------------------------------


def write_commit(
    db: sqlite3.Connection, changes: Sequence[Change], head: Head, segments: Sequence[Segment], gone: set[str]
) -> Head:
    """Records a commit in one transaction: readers see all of it or none.

    `segments` are its files, already on disk; `gone` names those that it replaces.

    Raises:
        StoreError: the manifest has moved since `head` was read.
    """
    db.execute("BEGIN IMMEDIATE")
    _check_head(db, head)
    number, row = head.number + 1, head.n_rows
    for change in changes:
        row = _write_change(db, change, number, row)
    db.executemany("DELETE FROM segments WHERE file = ?", [(name,) for name in gone])
    _write_segments(db, segments)
    db.execute("UPDATE head SET number = ?, n_rows = ?", (number, row))
    db.execute("COMMIT")
    return Head(number, row)


def _write_change(db: sqlite3.Connection, change: Change, number: int, row: int) -> int:
    state = change.state
    key = (state.tenant, state.document_id)
    if change.document is None and state.state == "quarantined":
        _write_state(db, state, _n_open_chunks(db, key))
        return row
    for (old,) in db.execute(
        "SELECT key FROM documents WHERE tenant = ? AND id = ? AND to_commit = ?", (*key, OPEN)
    ).fetchall():
        db.execute("UPDATE documents SET to_commit = ? WHERE key = ?", (number, old))
        db.execute("UPDATE chunks SET to_commit = ? WHERE document = ?", (number, old))
    if change.document is None:
        db.execute("DELETE FROM sources WHERE tenant = ? AND id = ?", key)
        return row
    document = change.document
    cursor = db.execute(
        "INSERT INTO documents (tenant, id, uri, text, shape, from_commit, to_commit) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*key, document.uri, codec.pack_text(document.text), codec.shape_of_document(document), number, OPEN),
    )
    owner = cursor.lastrowid
    for record in change.records:
        chunk = record.chunk
        db.execute(
            "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (row, bytes.fromhex(chunk.id), owner, _code(db, "tenants", chunk.tenant),
             _code(db, "acls", codec.dump(chunk.acl)), number, OPEN, chunk.text, codec.shape_of_chunk(chunk)),
        )  # fmt: skip
        row += 1
    _write_state(db, state, len(change.records))
    return row


def replace_segments(
    db: sqlite3.Connection, head: Head, gone: Sequence[Segment], fresh: Sequence[Segment]
) -> None:
    """Names other files, already on disk, for the same content, in one transaction.

    Raises:
        StoreError: the manifest has moved since `head` was read.
    """
    db.execute("BEGIN IMMEDIATE")
    _check_head(db, head)
    db.executemany(
        "DELETE FROM segments WHERE kind = ? AND first_row = ?", [(s.kind, s.first_row) for s in gone]
    )
    _write_segments(db, fresh)
    db.execute("COMMIT")


def _check_head(db: sqlite3.Connection, head: Head) -> None:
    if read_head(db) != head:
        raise StoreError("the index was changed by another writer at the same time. Try again")


def _write_segments(db: sqlite3.Connection, segments: Sequence[Segment]) -> None:
    db.executemany(
        "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?)",
        [(s.kind, s.first_row, s.n_rows, s.file, s.n_bytes, s.checksum) for s in segments],
    )


_CODES = {
    "tenants": ("SELECT code FROM tenants WHERE name = ?", "INSERT INTO tenants (name) VALUES (?)"),
    "acls": ("SELECT code FROM acls WHERE groups = ?", "INSERT INTO acls (groups) VALUES (?)"),
}


def _code(db: sqlite3.Connection, table: str, value: str) -> int:
    find, add = _CODES[table]
    row = db.execute(find, (value,)).fetchone()
    return int(row[0]) if row else int(db.execute(add, (value,)).lastrowid or 0)


def _n_open_chunks(db: sqlite3.Connection, key: tuple[str, str]) -> int:
    (n,) = db.execute(
        "SELECT count(*) FROM chunks WHERE to_commit = ? AND document IN "
        "(SELECT key FROM documents WHERE tenant = ? AND id = ? AND to_commit = ?)",
        (OPEN, *key, OPEN),
    ).fetchone()
    return int(n)


def _write_state(db: sqlite3.Connection, state: DocumentState, n_chunks: int) -> None:
    db.execute(
        "INSERT OR REPLACE INTO sources (tenant, id, uri, content_hash, fingerprint, state, stage, reason, "
        "n_chunks, origin) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (state.tenant, state.document_id, state.uri, state.content_hash, state.fingerprint, state.state,
         state.stage, state.reason, n_chunks, state.origin),
    )  # fmt: skip


def read_head(db: sqlite3.Connection) -> Head:
    """The current commit, as this connection's transaction sees it."""
    return Head(*db.execute("SELECT number, n_rows FROM head").fetchone())


def read_segments(db: sqlite3.Connection) -> list[Segment]:
    """All files, by kind and first row."""
    columns = "SELECT kind, first_row, n_rows, file, n_bytes, checksum FROM segments ORDER BY kind, first_row"
    return [Segment(*row) for row in db.execute(columns)]


def _state(row: Sequence[Any]) -> DocumentState:
    document_id, tenant, uri, content_hash, fingerprint, state, stage, reason, n_chunks, origin = row
    return DocumentState(
        document_id, tenant=tenant, uri=uri, content_hash=content_hash, fingerprint=fingerprint,
        state=state, stage=stage, reason=reason, n_chunks=n_chunks, origin=origin,
    )  # fmt: skip


def _id_bytes(identity: str) -> bytes | None:
    try:
        return bytes.fromhex(identity)
    except ValueError:
        return None
