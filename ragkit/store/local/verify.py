"""Whether what lies in a folder is what was written: every checksum, every row, every span."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from ragkit.errors import CorruptIndexError
from ragkit.store.local import codec
from ragkit.store.local.files import sha256_of
from ragkit.store.local.manifest import Segment, SqliteManifest, read_head, read_segments


def problems_of_folder(manifest: SqliteManifest, folder: Path, dimension: int) -> list[str]:
    """One line per problem of an index, in one consistent reading of its manifest."""
    try:
        with manifest.reading() as db:
            db.execute("BEGIN")
            return [*_of_tables(db), *_of_segments(db, folder, dimension), *_of_texts(db)]
    except CorruptIndexError as e:
        return [str(e)]


def _of_tables(db: sqlite3.Connection) -> Iterator[str]:
    for (line,) in db.execute("PRAGMA integrity_check(20)"):
        if line != "ok":
            yield f"manifest: {line}"
    head = read_head(db)
    n, first, last = db.execute("SELECT count(*), min(row), max(row) FROM chunks").fetchone()
    if n != head.n_rows or (n and (first, last) != (0, n - 1)):
        yield f"manifest: {n} chunks in rows {first} to {last}, expected {head.n_rows} from 0"
    (later,) = db.execute("SELECT count(*) FROM chunks WHERE from_commit > ?", (head.number,)).fetchone()
    if later:
        yield f"manifest: {later} chunks of commits after the current one, {head.number}"
    (lost,) = db.execute(
        "SELECT count(*) FROM chunks c LEFT JOIN documents d ON d.key = c.document WHERE d.key IS NULL "
        "OR d.from_commit <> c.from_commit OR d.to_commit <> c.to_commit"
    ).fetchone()
    if lost:
        yield f"manifest: {lost} chunks do not stand and fall with their document"


def _of_segments(db: sqlite3.Connection, folder: Path, dimension: int) -> Iterator[str]:
    segments, n_rows = read_segments(db), read_head(db).n_rows
    for kind in ("vectors", "postings"):
        end = 0
        for segment in (s for s in segments if s.kind == kind):
            if segment.first_row != end:
                yield f"{kind}: rows {end} to {segment.first_row} belong to no file"
            end = segment.first_row + segment.n_rows
            yield from _of_file(segment, folder, dimension)
        if end != n_rows:
            yield f"{kind}: {end} rows, expected {n_rows}"


def _of_file(segment: Segment, folder: Path, dimension: int) -> Iterator[str]:
    is_part = segment.kind == "vectors"
    path = folder / segment.file if is_part else folder / "postings" / segment.file
    start = segment.first_row * dimension * 4 if is_part else 0
    if not path.exists():
        yield f"{path}: missing"
    elif sha256_of(path, start, segment.n_bytes) != segment.checksum or (
        not is_part and path.stat().st_size != segment.n_bytes
    ):
        rows = f" (rows {segment.first_row} to {segment.first_row + segment.n_rows})"
        yield f"{path}: not what was written{rows}"


def _of_texts(db: sqlite3.Connection) -> Iterator[str]:
    for key, document_id, uri, text, shape in db.execute("SELECT key, id, uri, text, shape FROM documents"):
        document = codec.document_from(document_id, uri, text, shape)
        for identity, chunk_text, chunk_shape in db.execute(
            "SELECT id, text, shape FROM chunks WHERE document = ?", (key,)
        ):
            chunk = codec.chunk_from(identity, document_id, chunk_text, chunk_shape, ("", ()))
            if chunk.span.of(document.text) != chunk.text:
                yield f"document {document_id!r}: chunk {chunk.id} is not the text at its span"
