"""Whether what lies in a folder is what was written: every checksum, every row, every vector, every span."""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ragkit.errors import CorruptIndexError, StoreError
from ragkit.store import codec
from ragkit.store.bm25.postings import Postings
from ragkit.store.files import sha256_of
from ragkit.store.identity import chunk_id, content_hash
from ragkit.store.local.dense_files import DENSE, damage_of_dense
from ragkit.store.local.last_commit import LAST_COMMIT, LastCommit
from ragkit.store.local.manifest import Segment, SqliteManifest, read_head, read_segments
from ragkit.store.local.schema import OPEN
from ragkit.types import Document

RESTORE = "Restore the folder from a copy, or ingest again into a new folder"
REPAIR = "Run: ragkit repair"
FORGET = "remove the document with ragkit forget and ingest it again"
_KINDS = ("vectors", "postings", DENSE)
_BLOCK_ROWS = 16_384
_ATTEMPTS = 5
_TOLERANCE = 1e-3  # of a squared length: what a commit is held to, see `ragkit.store.changes`
_UNREADABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError)


def problems_of_folder(manifest: SqliteManifest, folder: Path, dimension: int) -> list[str]:
    """One line per problem of an index, in one consistent reading of its manifest.

    Each names the file and what mends it. What a commit that never happened left behind is no problem.
    Where a writer takes files away meanwhile, which the reading names, it begins again.
    """
    for _ in range(_ATTEMPTS - 1):
        before = _named_files(manifest)
        problems = _problems(manifest, folder, dimension)
        if not problems or _named_files(manifest) == before:
            return problems
    return _problems(manifest, folder, dimension)


def _named_files(manifest: SqliteManifest) -> object:
    """What changes with every commit and compaction; None where it cannot be read."""
    try:
        with manifest.reading() as db:
            db.execute("BEGIN")
            return read_head(db), read_segments(db)
    except (StoreError, *_UNREADABLE):
        return None


def _problems(manifest: SqliteManifest, folder: Path, dimension: int) -> list[str]:
    last = LastCommit(folder / LAST_COMMIT)
    try:
        reported = last.read()
        with manifest.reading() as db:
            db.execute("BEGIN")
            problems = problems_of_manifest(db, manifest.path)
            try:
                lost = last.problem(reported, read_head(db).number)
                problems += [lost] if lost else []
                problems += [] if last.is_readable else [f"{last.path}: not what was written. {REPAIR}"]
                return [*problems, *_of_segments(db, folder, dimension, manifest.path)]
            except _UNREADABLE as e:
                return [*problems, f"{manifest.path}: its list of files cannot be read ({e}). {RESTORE}"]
    except CorruptIndexError as e:
        return [str(e)]


def problems_of_manifest(db: sqlite3.Connection, path: Path) -> list[str]:
    """What is wrong with the manifest itself; while anything is, nothing can be derived from it."""
    try:
        (page,) = db.execute("PRAGMA page_size").fetchone()
        size = path.stat().st_size
        # SQLite takes what is missing of the last page for zeros, unless its log holds that page: a process
        # that died while it copied the page from there leaves it so.
        cut = [f"cut off: {size} bytes are no whole pages"] if size % page and not _has_log(path) else []
        whole = [f"{path}: {problem}. {RESTORE}" for problem in (*cut, *_of_tables(db))]
        return whole + [f"{path}: {problem}. {RESTORE}; or {FORGET}" for problem in _of_documents(db)]
    except _UNREADABLE as e:
        # A damaged page may hold values of other types than were written.
        return [f"{path}: the manifest cannot be read ({e}). {RESTORE}"]


def gaps(segments: Sequence[Segment], n_rows: int) -> Iterator[str]:
    """Where segments of one kind, in order, do not cover the rows exactly once."""
    end = 0
    for segment in segments:
        if segment.first_row != end:
            yield f"row {end} to row {segment.first_row} are not covered once"
        end = segment.first_row + segment.n_rows
    if end != n_rows:
        yield f"{end} rows, expected {n_rows}"


def damage_of_postings(segment: Segment, folder: Path) -> str | None:
    """What is wrong with a postings file, or None."""
    path = folder / "postings" / segment.file
    if not path.is_file():
        return "missing"
    if path.stat().st_size != segment.n_bytes or sha256_of(path) != segment.checksum:
        return "not what was written"
    try:
        postings = Postings.open(path)
    except CorruptIndexError:
        return "not a postings file"
    if (postings.first_row, len(postings.lengths)) != (segment.first_row, segment.n_rows):
        return "of other rows than the manifest says"
    return None


def damage_of_vectors(segment: Segment, folder: Path, dimension: int) -> str | None:
    """What is wrong with a segment's part of the vector file, or None."""
    path, width = folder / segment.file, dimension * 4
    if not path.is_file():
        return "missing"
    if path.stat().st_size < (segment.first_row + segment.n_rows) * width:
        return "too short"
    if (
        segment.n_bytes != segment.n_rows * width
        or sha256_of(path, segment.first_row * width, segment.n_bytes) != segment.checksum
    ):
        return "not what was written"
    for first in range(0, segment.n_rows, _BLOCK_ROWS):
        n = min(_BLOCK_ROWS, segment.n_rows - first)
        offset = (segment.first_row + first) * width
        block = np.fromfile(path, dtype="<f4", count=n * dimension, offset=offset).reshape(n, dimension)
        with np.errstate(all="ignore"):
            lengths = np.einsum("ij,ij->i", block, block)
        # NaN fails the comparison too.
        if not np.all(np.abs(lengths - 1) < _TOLERANCE):
            return "not unit vectors"
    return None


def damaged_dense(segments: Sequence[Segment], folder: Path, n_rows: int) -> Iterator[tuple[Segment, str]]:
    """The damaged files of the dense index, which need not cover all rows, and what is wrong with each."""
    for segment in segments:
        if segment.kind == DENSE:
            is_beyond = segment.first_row + segment.n_rows > n_rows
            damage = "of rows that are not there" if is_beyond else damage_of_dense(segment, folder)
            if damage is not None:
                yield segment, damage


def _of_segments(db: sqlite3.Connection, folder: Path, dimension: int, path: Path) -> Iterator[str]:
    segments, n_rows = read_segments(db), read_head(db).n_rows
    for kind, mend in (("vectors", RESTORE), ("postings", REPAIR)):
        own = [s for s in segments if s.kind == kind]
        for gap in gaps(own, n_rows):
            yield f"{path}: {kind}: {gap}. {mend}"
        for segment in own:
            file = folder / segment.file if kind == "vectors" else folder / "postings" / segment.file
            try:
                if kind == "vectors":
                    damage = damage_of_vectors(segment, folder, dimension)
                else:
                    damage = damage_of_postings(segment, folder)
            except OSError as e:
                damage = f"cannot be read ({e.strerror or e})"
            if damage is not None:
                rows = f"rows {segment.first_row} to {segment.first_row + segment.n_rows}"
                yield f"{file}: {damage} ({rows}). {REPAIR}"
    for segment, damage in damaged_dense(segments, folder, n_rows):
        yield f"{folder / DENSE / segment.file}: {damage} (the dense index is built instead). {REPAIR}"


def _has_log(path: Path) -> bool:
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _of_tables(db: sqlite3.Connection) -> Iterator[str]:
    for (line,) in db.execute("PRAGMA integrity_check(20)"):
        if line != "ok":
            yield line
    head = read_head(db)
    n, first, last = db.execute("SELECT count(*), min(row), max(row) FROM chunks").fetchone()
    if n != head.n_rows or (n and (first < 0 or last >= head.next_row)):
        yield f"{n} chunks in rows {first} to {last}, expected {head.n_rows} below {head.next_row}"
    if not 0 <= head.kept_from <= head.number or head.generation < 0:
        yield f"the pointer says {head}"
    for table in ("chunks", "documents"):
        (over,) = db.execute(
            f"SELECT count(*) FROM {table} WHERE to_commit <= from_commit OR to_commit <= ?",  # noqa: S608
            (head.kept_from,),
        ).fetchone()
        if over:
            yield f"{over} {table} ended before the oldest commit that is kept, {head.kept_from}"
    (later,) = db.execute("SELECT count(*) FROM chunks WHERE from_commit > ?", (head.number,)).fetchone()
    if later:
        yield f"{later} chunks of commits after the current one, {head.number}"
    (lost,) = db.execute(
        "SELECT count(*) FROM chunks c LEFT JOIN documents d ON d.key = c.document WHERE d.key IS NULL "
        "OR d.from_commit <> c.from_commit OR d.to_commit <> c.to_commit"
    ).fetchone()
    if lost:
        yield f"{lost} chunks do not stand and fall with their document"
    for s in read_segments(db):
        numbers = (s.first_row, s.n_rows, s.n_bytes)
        if not all(isinstance(n, int) and n >= 0 for n in numbers) or s.kind not in _KINDS:
            yield f"a file of {s.kind!r} {s.file!r} with the numbers {numbers}"
    for (identity,) in db.execute(
        "SELECT id FROM chunks WHERE to_commit = ? GROUP BY id HAVING count(*) > 1", (OPEN,)
    ):
        yield f"chunk {identity.hex()} is there more than once"
    for document_id, expected, found in db.execute(
        "SELECT s.id, s.n_chunks, count(c.row) FROM sources s "
        "LEFT JOIN documents d ON d.tenant = s.tenant AND d.id = s.id AND d.to_commit = ? "
        "LEFT JOIN chunks c ON c.document = d.key GROUP BY s.tenant, s.id "
        "HAVING s.n_chunks <> count(c.row) OR (s.state = 'committed' AND count(DISTINCT d.key) <> 1)",
        (OPEN,),
    ):
        yield f"document {document_id!r}: {found} chunks, expected {expected}, of one document"


def _of_documents(db: sqlite3.Connection) -> Iterator[str]:
    keys = [key for (key,) in db.execute("SELECT key FROM documents ORDER BY key")]
    for key in keys:
        row = db.execute(
            "SELECT d.tenant, d.to_commit, s.content_hash, s.fingerprint, s.state, "
            "d.id, d.uri, d.text, d.shape FROM documents d "
            "LEFT JOIN sources s ON s.tenant = d.tenant AND s.id = d.id WHERE d.key = ?",
            (key,),
        ).fetchone()
        tenant, to_commit, recorded, fingerprint, state, *content = row
        try:
            document = codec.document_from(*content)
            names = None
            if to_commit == OPEN:
                if state is None:
                    yield f"document {document.id!r}: its state is lost"
                # What could not be made anew keeps its content under the state of the failure.
                if state == "committed":
                    names = (recorded, fingerprint)
                    if content_hash(document) != recorded:
                        yield f"document {document.id!r}: not what was written"
            yield from _of_chunks(db, key, document, tenant, names)
        except (CorruptIndexError, *_UNREADABLE) as e:
            yield f"document {content[0]!r}: cannot be read ({e})"


def _of_chunks(
    db: sqlite3.Connection, key: int, document: Document, tenant: str, names: tuple[str, str] | None
) -> Iterator[str]:
    """`names` are the content hash and the fingerprint that the chunks are named by, where they are known."""
    titles = {s.title for s in document.sections} | {" ".join(str(document.metadata.get("title")).split())}
    for identity, text, shape, checksum, owner, groups in db.execute(
        "SELECT c.id, c.text, c.shape, c.checksum, t.name, a.groups FROM chunks c "
        "LEFT JOIN tenants t ON t.code = c.tenant LEFT JOIN acls a ON a.code = c.acl WHERE c.document = ?",
        (key,),
    ):
        acl = tuple(json.loads(groups))
        chunk = codec.chunk_from(identity, document.id, text, shape, checksum, (owner, acl))
        where = f"document {document.id!r}: chunk {chunk.id}"
        # A slice may end behind the text, a span may not.
        if chunk.span.of(document.text) != chunk.text or len(chunk.span) != len(chunk.text):
            yield f"{where} is not the text at its span"
        if names is not None and chunk.id != chunk_id(tenant, document.id, *names, chunk.ordinal):
            yield f"{where} has an id that is not its own"
        if (owner, acl) != (tenant, document.acl):
            yield f"{where} is not of its document's tenant and acl"
        if chunk.uri != document.uri or any(
            chunk.metadata.get(name) != value
            for name, value in document.metadata.items()
            if value is not None
        ):
            yield f"{where} has not its document's uri and metadata"
        page = bisect_right([p.start for p in document.pages], chunk.span.start) or None
        if chunk.page != page or not titles.issuperset(chunk.headings):
            yield f"{where} has not its document's headings and page"
