"""Whether the tables hold what was written: every document, every chunk, every vector, every count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ragkit.errors import CorruptIndexError
from ragkit.store import codec
from ragkit.store.identity import chunk_id, content_hash
from ragkit.types import Document
from ragkit_connectors.pgvector.database import Database, Reading
from ragkit_connectors.pgvector.encoding import to_text, unspelled
from ragkit_connectors.pgvector.fields import fields_json
from ragkit_connectors.pgvector.schema import MOVE_EXTENSION, OPEN, holds_extension

RESTORE = "Restore the schema from a backup, or drop it and ingest again"
REPAIR = "Run: ragkit repair"
FORGET = "Remove the document with ragkit forget and ingest it again"
TOLERANCE = 1e-3  # of a squared length: what a commit is held to, see `ragkit.store.changes`
_UNREADABLE = (CorruptIndexError, ValueError, TypeError, KeyError, IndexError, AttributeError)

_TOTALS: tuple[tuple[str, str], ...] = (
    (
        "SELECT count(*) FROM chunks c LEFT JOIN documents d ON d.key = c.document WHERE d.key IS NULL OR "
        "(d.from_commit, d.to_commit, d.tenant) IS DISTINCT FROM (c.from_commit, c.to_commit, c.tenant)",
        "chunks do not stand and fall with their document",
    ),
    (
        "SELECT count(*) FROM chunks, head WHERE from_commit > number OR to_commit <= from_commit "
        "OR to_commit <= kept_from",
        "chunks are of commits that are not there",
    ),
    (
        'SELECT count(*) FROM chunks, head WHERE "row" >= next_row OR document >= next_key',
        "chunks have numbers that were never given",
    ),
    (
        "SELECT count(*) FROM (SELECT id FROM chunks WHERE to_commit = %(open)s "
        "GROUP BY id HAVING count(*) > 1) x",
        "chunks are there more than once",
    ),
    (
        "SELECT count(*) FROM (SELECT s.n_chunks FROM sources s LEFT JOIN documents d ON d.tenant = s.tenant "
        "AND d.id = s.id AND d.to_commit = %(open)s LEFT JOIN chunks c ON c.document = d.key "
        "GROUP BY s.tenant, s.id, s.n_chunks, s.state HAVING s.n_chunks <> count(c.document) "
        "OR (s.state = 'committed' AND count(DISTINCT d.key) <> 1)) x",
        "documents have not the chunks that their state says",
    ),
)
DAMAGED_POSTINGS = """
SELECT c."row" FROM chunks c LEFT JOIN postings p ON p.chunk = c."row" AND p.tenant = c.tenant
GROUP BY c."row", c.n_terms HAVING c.n_terms <> coalesce(sum(p.n), 0) ORDER BY c."row"
"""
_ORPHANS = 'SELECT count(*) FROM postings p LEFT JOIN chunks c ON c."row" = p.chunk WHERE c."row" IS NULL'
DAMAGED_VECTORS = """
SELECT "row" FROM chunks WHERE NOT abs((embedding <#> embedding) + 1) < %(tolerance)s ORDER BY "row"
"""
_DOCUMENTS = """
SELECT d.key, d.tenant, d.to_commit, s.content_hash, s.fingerprint, s.state, d.id, d.uri, d.text, d.shape
FROM documents d LEFT JOIN sources s ON s.tenant = d.tenant AND s.id = d.id
WHERE d.key > %(after)s ORDER BY d.key LIMIT 50
"""
_CHUNKS = 'SELECT "row", id, text, shape, checksum, tenant, acl FROM chunks WHERE document = %(key)s'
_SAME_FIELDS = 'SELECT fields = %(fields)s::jsonb FROM chunks WHERE "row" = %(row)s'


def problems_of(database: Database) -> list[str]:
    """One line per problem of an index, as of one moment, with what mends it."""
    with database.reading() as reading:
        reading.rows("SELECT set_config('statement_timeout', '0', true)")
        where = database.where
        problems = [f"{where}: {n} {what}. {RESTORE}" for n, what in _totals(reading)]
        if holds_extension(reading.connection, database.settings.name):
            problems.append(
                f"{where}: the extension vector lies in this schema: who drops it drops the vectors of every "
                f"index of the database. {MOVE_EXTENSION}"
            )
        for statement, what in ((DAMAGED_POSTINGS, "counts of terms"), (DAMAGED_VECTORS, "vectors")):
            n = len(reading.rows(statement, {"tolerance": TOLERANCE}))
            problems += [f"{where}: the {what} of {n} chunks are not what was written. {REPAIR}"] if n else []
        ((orphans,),) = reading.rows(_ORPHANS)
        problems += [f"{where}: {orphans} counts of terms are of no chunk. {REPAIR}"] if orphans else []
        problems += [f"{where}: {line}. {RESTORE}; or: {FORGET}" for line in _of_documents(reading)]
    return problems


def _totals(reading: Reading) -> Iterator[tuple[int, str]]:
    for statement, what in _TOTALS:
        ((n,),) = reading.rows(statement, {"open": OPEN})
        if n:
            yield n, what


def _of_documents(reading: Reading) -> Iterator[str]:
    after = -1
    while rows := reading.rows(_DOCUMENTS, {"after": after}):
        after = rows[-1][0]
        for row in rows:
            yield from _of_document(reading, row)


def _of_document(reading: Reading, row: tuple[Any, ...]) -> Iterator[str]:
    key, tenant, to_commit, recorded, fingerprint, state, identity, uri, text, shape = row
    name = f"document {to_text(identity)!r}"
    try:
        document = codec.document_from(
            to_text(identity), None if uri is None else to_text(uri), text, to_text(shape)
        )
        names = None
        if to_commit == OPEN:
            if state is None:
                yield f"{name}: its state is lost"
            # What could not be made anew keeps its content under the state of the failure.
            if state == "committed":
                names = (to_text(recorded), to_text(fingerprint))
                if content_hash(document) != names[0]:
                    yield f"{name}: not what was written"
        yield from _of_chunks(reading, key, document, to_text(tenant), names)
    except _UNREADABLE as e:
        yield f"{name}: cannot be read ({e})"


def _of_chunks(
    reading: Reading, key: int, document: Document, tenant: str, names: tuple[str, str] | None
) -> Iterator[str]:
    for row, identity, text, shape, checksum, owner, acl in reading.rows(_CHUNKS, {"key": key}):
        groups = tuple(unspelled(group) for group in acl)
        chunk = codec.chunk_from(
            identity, document.id, to_text(text), to_text(shape), checksum, (to_text(owner), groups)
        )
        where = f"document {document.id!r}: chunk {chunk.id}"
        if chunk.span.of(document.text) != chunk.text or len(chunk.span) != len(chunk.text):
            yield f"{where} is not the text at its span"
        if names is not None and chunk.id != chunk_id(tenant, document.id, *names, chunk.ordinal):
            yield f"{where} has an id that is not its own"
        if (chunk.tenant, chunk.acl) != (tenant, document.acl):
            yield f"{where} is not of its document's tenant and acl"
        if chunk.uri != document.uri:
            yield f"{where} has not its document's uri"
        values = {"fields": fields_json(chunk.metadata), "row": row}
        if not reading.rows(_SAME_FIELDS, values)[0][0]:
            yield f"{where} is filtered by other metadata than it has"
