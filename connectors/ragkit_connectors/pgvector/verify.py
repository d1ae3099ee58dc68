"""Whether the tables hold what was written: every document, every chunk, every vector, every count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ragkit.errors import CorruptIndexError
from ragkit.store import codec
from ragkit.store.identity import chunk_id, content_hash
from ragkit.types import Document
from ragkit_connectors.pgvector.damage import damaged_terms, damaged_vectors
from ragkit_connectors.pgvector.database import Database, Reading
from ragkit_connectors.pgvector.encoding import to_text, unspelled
from ragkit_connectors.pgvector.fields import fields_json
from ragkit_connectors.pgvector.schema import MOVE_EXTENSION, OPEN, holds_extension
from ragkit_connectors.pgvector.silence import any_silence

RESTORE = "Restore the schema from a backup, or drop it and ingest again"
REPAIR = "Run: ragkit repair"
FORGET = "Remove the document with ragkit forget and ingest it again"
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
    (
        "SELECT abs(n_sources - (SELECT count(*) FROM sources)) FROM head",
        "documents were lost, or are there and were never written",
    ),
    (
        "SELECT abs(n_chunks - (SELECT count(*) FROM chunks WHERE to_commit = %(open)s)) FROM head",
        "chunks were lost, or are there and were never written",
    ),
)
_ORPHANS = 'SELECT count(*) FROM postings p LEFT JOIN chunks c ON c."row" = p.chunk WHERE c."row" IS NULL'
_DOCUMENTS = """
SELECT d.key, d.tenant, d.to_commit, s.content_hash, s.fingerprint, s.state, d.id, d.uri, d.text, d.shape
FROM documents d LEFT JOIN sources s ON s.tenant = d.tenant AND s.id = d.id
WHERE d.key > %(after)s ORDER BY d.key LIMIT 50
"""
_CHUNKS = 'SELECT "row", id, text, shape, checksum, tenant, acl FROM chunks WHERE document = %(key)s'
_OTHER_FIELDS = """
SELECT c.id FROM chunks c
JOIN unnest(%(rows)s::bigint[], %(fields)s::text[]) AS w ("row", fields) USING ("row")
WHERE c.fields IS DISTINCT FROM w.fields::jsonb
"""


def problems_of(database: Database) -> list[str]:
    """One line per problem of an index, as of one moment, with what mends it."""
    with database.reading() as reading, any_silence(reading.connection):
        reading.rows("SELECT set_config('statement_timeout', '0', true)")
        where = database.where
        problems = [f"{where}: {n} {what}. {RESTORE}" for n, what in _totals(reading)]
        if holds_extension(reading.connection, database.settings.name):
            problems.append(
                f"{where}: the extension vector lies in this schema: who drops it drops the vectors of every "
                f"index of the database. {MOVE_EXTENSION}"
            )
        for damaged, what in ((damaged_terms, "counts of terms"), (damaged_vectors, "vectors")):
            n = len(damaged(reading.connection))
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
    fields: dict[int, str] = {}
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
        fields[row] = fields_json(chunk.metadata)
    values = {"rows": list(fields), "fields": list(fields.values())}
    for (identity,) in reading.rows(_OTHER_FIELDS, values) if fields else ():
        yield (f"document {document.id!r}: chunk {identity.hex()} is filtered by other metadata than it has")
