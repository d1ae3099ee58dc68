"""The manifest as an object: a connection for each reader, and what is read of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.errors import CorruptIndexError, StoreError
from ragkit.protocols import DocumentState, StoreCounts
from ragkit.store import codec
from ragkit.store.admission import has_surrogate
from ragkit.store.connections import Connections
from ragkit.store.local import schema
from ragkit.store.local.schema import OPEN
from ragkit.types import Chunk, Document

_PAGE = 1_000
_STATE = "id, tenant, uri, content_hash, fingerprint, state, stage, reason, n_chunks, origin"


@dataclass(frozen=True, slots=True)
class Head:
    """The current commit, and what of the files belongs to it.

    Args:
        number: of the commit.
        n_rows: how many positions of the vector file belong to commits.
        next_row: the number of the next chunk's row.
        generation: of the vector file.
        kept_from: the oldest commit of which nothing was collected.
        to_erase: whether deleted content may still lie in a file.
    """

    number: int
    n_rows: int
    next_row: int
    generation: int
    kept_from: int
    to_erase: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """A file, or part of one, that the manifest vouches for."""

    kind: str
    first_row: int
    n_rows: int
    file: str
    n_bytes: int
    checksum: str


class SqliteManifest(Connections):
    """The truth about a folder.

    `lost` says why it is not to be believed, where commits are known to be missing from it; `reading` is for
    whoever looks into that.
    """

    lost: str | None = None

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        if self.lost is not None:
            raise CorruptIndexError(self.lost)
        with self.reading() as db:
            yield db

    # --- reading ----------------------------------------------------------------------------------

    def spec(self) -> str:
        """The spec as it was recorded."""
        with self.reading() as db:
            schema.check_format(db, self.path)
            return str(db.execute("SELECT value FROM meta WHERE key = 'spec'").fetchone()[0])

    def head(self) -> Head:
        """The current commit."""
        with self._read() as db:
            return read_head(db)

    def state(self, tenant: str, document_id: str) -> DocumentState | None:
        """What is known of a document, or None."""
        with self._read() as db:
            row = db.execute(
                f"SELECT {_STATE} FROM sources WHERE tenant = ? AND id = ?",  # noqa: S608  (a constant)
                (tenant, document_id),
            ).fetchone()
        return None if row is None else _state(row)

    def states(self, tenant: str | None = None) -> Iterator[DocumentState]:
        """All documents of a tenant, or of all tenants, by tenant and id; read a page at a time."""
        if tenant is not None and has_surrogate(tenant):
            return  # SQLite would not take the question
        key = ("" if tenant is None else tenant, "")
        while True:
            with self._read() as db:
                page = db.execute(
                    f"SELECT {_STATE} FROM sources WHERE (tenant, id) > (?, ?) "  # noqa: S608  (a constant)
                    "AND (? IS NULL OR tenant = ?) ORDER BY tenant, id LIMIT ?",
                    (*key, tenant, tenant, _PAGE),
                ).fetchall()
            states = [_state(row) for row in page]
            yield from states
            if len(states) < _PAGE:
                return
            key = (states[-1].tenant, states[-1].document_id)

    def at_uri(self, tenant: str, uri: str) -> list[DocumentState]:
        """The documents of a tenant that came from a place, by id."""
        with self._read() as db:
            rows = db.execute(
                f"SELECT {_STATE} FROM sources WHERE tenant = ? AND uri = ? ORDER BY id",  # noqa: S608
                (tenant, uri),
            ).fetchall()
        return [_state(row) for row in rows]

    def quarantined(self) -> list[DocumentState]:
        """The documents of all tenants that could not be ingested, by tenant and id."""
        with self._read() as db:
            rows = db.execute(
                f"SELECT {_STATE} FROM sources WHERE state = 'quarantined' ORDER BY tenant, id"  # noqa: S608
            ).fetchall()
        return [_state(row) for row in rows]

    def source(self, tenant: str, document_id: str, commit: int | None = None) -> Document | None:
        """A document as it was committed; None when there is none.

        Raises:
            StoreError: `commit` is not kept any more.
        """
        with self._read() as db:
            if commit is not None:
                db.execute("BEGIN")
                self._check_kept(db, commit)
            row = db.execute(
                "SELECT id, uri, text, shape FROM documents "
                "WHERE tenant = ? AND id = ? AND from_commit <= ? AND to_commit > ?",
                # What ends after the last commit that can be is open.
                (tenant, document_id, OPEN, OPEN - 1)
                if commit is None
                else (tenant, document_id, commit, commit),
            ).fetchone()
        return None if row is None else codec.document_from(*row)

    def counts(self) -> StoreCounts:
        """Counts at the current commit."""
        with self._read() as db:
            db.execute("BEGIN")
            documents, tenants = db.execute(
                "SELECT count(*), count(DISTINCT tenant) FROM documents WHERE to_commit = ?", (OPEN,)
            ).fetchone()
            # Those that ended have an index; to count the others would read all texts.
            chunks = read_head(db).n_rows - _n_ended(db)
            (bad,) = db.execute("SELECT count(*) FROM sources WHERE state = 'quarantined'").fetchone()
        return StoreCounts(documents=documents, chunks=chunks, tenants=tenants, quarantined=bad)

    def n_ended(self) -> int:
        """How many chunks are kept that the current commit does not show."""
        with self._read() as db:
            return _n_ended(db)

    def rows_of(self, ids: Sequence[str], commit: int) -> dict[str, tuple[int, ...]]:
        """The rows that carry each chunk id: more than one where content came back after it was replaced.

        Raises:
            StoreError: `commit` is not kept any more.
        """
        found: dict[str, list[int]] = {i: [] for i in ids}
        with self._read() as db:
            db.execute("BEGIN")
            self._check_kept(db, commit)
            for identity in ids:
                key = _id_bytes(identity)
                if key is not None:
                    found[identity] += [
                        row for (row,) in db.execute("SELECT row FROM chunks WHERE id = ?", (key,))
                    ]
        return {i: tuple(rows) for i, rows in found.items()}

    def chunks(self, rows: Iterable[int], commit: int) -> dict[int, Chunk]:
        """The chunks of these rows, which stand at `commit`.

        Raises:
            StoreError: `commit` is not kept any more.
        """
        found: dict[int, Chunk] = {}
        with self._read() as db:
            db.execute("BEGIN")
            self._check_kept(db, commit)
            for row in rows:
                record = db.execute(
                    "SELECT c.id, d.id, c.text, c.shape, c.checksum, t.name, a.groups FROM chunks c "
                    "JOIN documents d ON d.key = c.document JOIN tenants t ON t.code = c.tenant "
                    "JOIN acls a ON a.code = c.acl WHERE c.row = ?",
                    (row,),
                ).fetchone()
                if record is None:
                    raise CorruptIndexError(
                        f"{self.path}: row {row} has lost its document. ragkit verify shows all that is "
                        "damaged"
                    )
                identity, document_id, text, shape, checksum, tenant, groups = record
                owner = (tenant, tuple(json.loads(groups)))
                found[row] = codec.chunk_from(identity, document_id, text, shape, checksum, owner)
        return found

    def _check_kept(self, db: sqlite3.Connection, commit: int) -> None:
        check_kept(commit, read_head(db), self.path.parent)


def check_kept(commit: int, head: Head, folder: Path) -> None:
    """Refuses a commit whose content was collected: what is left of it would be a part.

    Raises:
        StoreError: it is not kept any more.
    """
    if commit < head.kept_from:
        raise StoreError(
            f"{folder}: commit {commit} is not kept any more, the index was compacted. Ask again: the "
            f"current commit is {head.number}. To keep a commit while it is read, hold it: LocalStore.hold()"
        )


def read_head(db: sqlite3.Connection) -> Head:
    """The current commit, as this connection's transaction sees it."""
    columns = "SELECT number, n_rows, next_row, generation, kept_from, to_erase FROM head"
    number, n_rows, next_row, generation, kept_from, to_erase = db.execute(columns).fetchone()
    return Head(number, n_rows, next_row, generation, kept_from, bool(to_erase))


def read_segments(db: sqlite3.Connection) -> list[Segment]:
    """All files, by kind and first row."""
    columns = "SELECT kind, first_row, n_rows, file, n_bytes, checksum FROM segments ORDER BY kind, first_row"
    return [Segment(*row) for row in db.execute(columns)]


def _n_ended(db: sqlite3.Connection) -> int:
    (n,) = db.execute("SELECT count(*) FROM chunks WHERE to_commit < 4611686018427387904").fetchone()
    return int(n)


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
