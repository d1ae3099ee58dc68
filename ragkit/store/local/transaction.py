"""What is written to the manifest: one transaction per commit, per repair and per compaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from ragkit.errors import StoreError
from ragkit.failpoints import reach
from ragkit.protocols import Change, DocumentState
from ragkit.store import codec
from ragkit.store.local.manifest import Head, Segment, read_head
from ragkit.store.local.schema import OPEN
from ragkit.types import Document


def write_commit(
    db: sqlite3.Connection,
    changes: Sequence[Change],
    head: Head,
    segments: Sequence[Segment],
    gone: Sequence[Segment],
) -> Head:
    """Records a commit: readers see all of it or none.

    `segments` are its files, or parts of files, already on disk; `gone` those that they replace.

    Raises:
        StoreError: the manifest has moved since `head` was read.
    """
    with _transaction(db, head):
        reach("commit.begun")
        row = head.next_row
        for change in changes:
            row = _write_change(db, change, head.number + 1, row)
        _drop_segments(db, gone)
        _write_segments(db, segments)
        reach("commit.segments")
        moved = replace(head, number=head.number + 1, n_rows=head.n_rows + row - head.next_row, next_row=row)
        _write_head(db, moved)
        reach("commit.pointer")
    reach("commit.done")
    return moved


def replace_segments(
    db: sqlite3.Connection, head: Head, gone: Sequence[Segment], fresh: Sequence[Segment]
) -> None:
    """Names other files, already on disk, for the same content.

    Raises:
        StoreError: the manifest has moved since `head` was read.
    """
    with _transaction(db, head):
        _drop_segments(db, gone)
        _write_segments(db, fresh)


def collect(db: sqlite3.Connection, head: Head, moved: Head, segments: Sequence[Segment]) -> None:
    """Deletes what ended before `moved.kept_from`; `segments`, on disk, are all files of what is left.

    Raises:
        StoreError: the manifest has moved since `head` was read.
    """
    with _transaction(db, head):
        reach("compact.transaction")
        for table in ("chunks", "documents"):
            db.execute(f"DELETE FROM {table} WHERE to_commit <= ?", (moved.kept_from,))  # noqa: S608
        db.execute("DELETE FROM tenants WHERE code NOT IN (SELECT tenant FROM chunks)")
        db.execute("DELETE FROM acls WHERE code NOT IN (SELECT acl FROM chunks)")
        reach("compact.rows")
        db.execute("DELETE FROM segments")
        _write_segments(db, segments)
        reach("compact.named")
        _write_head(db, moved)
    reach("compact.done")


def mark(db: sqlite3.Connection, *, to_erase: bool) -> None:
    """Records whether deleted content may still lie in a file."""
    db.execute("UPDATE head SET to_erase = ?", (to_erase,))


# --- within a transaction -------------------------------------------------------------------------


@contextmanager
def _transaction(db: sqlite3.Connection, head: Head) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    if read_head(db) != head:
        raise StoreError("the index was changed by another writer at the same time. Try again")
    yield
    db.execute("COMMIT")


def _write_head(db: sqlite3.Connection, head: Head) -> None:
    db.execute(
        "UPDATE head SET number = ?, n_rows = ?, next_row = ?, generation = ?, kept_from = ?, to_erase = ?",
        (head.number, head.n_rows, head.next_row, head.generation, head.kept_from, head.to_erase),
    )


def _write_change(db: sqlite3.Connection, change: Change, number: int, row: int) -> int:
    """Records one document's part of a commit; gives the next free row."""
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
        reach("commit.ended")
    if change.document is None:
        db.execute("DELETE FROM sources WHERE tenant = ? AND id = ?", key)
        reach("commit.removed")
        return row
    _write_document(db, change, change.document, number, row)
    _write_state(db, state, len(change.records))
    return row + len(change.records)


def _write_document(
    db: sqlite3.Connection, change: Change, document: Document, number: int, row: int
) -> None:
    tenant = change.state.tenant
    owner = db.execute(
        "INSERT INTO documents (tenant, id, uri, text, shape, from_commit, to_commit) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (tenant, document.id, document.uri, codec.pack_text(document.text),
         codec.shape_of_document(document), number, OPEN),
    ).lastrowid  # fmt: skip
    reach("commit.document")
    for i, record in enumerate(change.records):
        chunk = record.chunk
        identity, shape = bytes.fromhex(chunk.id), codec.shape_of_chunk(chunk)
        db.execute(
            "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (row + i, identity, owner, _code(db, "tenants", chunk.tenant),
             _code(db, "acls", codec.dump(chunk.acl)), number, OPEN, chunk.text, shape,
             codec.checksum_of(identity, chunk.text, shape)),
        )  # fmt: skip
        reach("commit.chunk")


def _drop_segments(db: sqlite3.Connection, gone: Iterable[Segment]) -> None:
    keys = [(s.kind, s.first_row) for s in gone]
    db.executemany("DELETE FROM segments WHERE kind = ? AND first_row = ?", keys)


def _write_segments(db: sqlite3.Connection, segments: Iterable[Segment]) -> None:
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
    reach("commit.state")
