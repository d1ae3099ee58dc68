"""How a commit is written: one transaction, on the connection that holds the writer's lock."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ragkit.errors import StoreError
from ragkit.failpoints import reach
from ragkit.protocols import Change, DocumentState, Record
from ragkit.store import codec
from ragkit.store.changes import check_changes
from ragkit_connectors.pgvector.database import Database, tenant_setting
from ragkit_connectors.pgvector.encoding import spelled, term_key, to_bytes
from ragkit_connectors.pgvector.fields import fields_json
from ragkit_connectors.pgvector.schema import OPEN
from ragkit_connectors.pgvector.vendor import packed_bigints, packed_bytes, packed_integers

if TYPE_CHECKING:
    from psycopg import Connection

_POINTER = "SELECT number, next_row, next_key FROM head FOR UPDATE"
_MOVE = "UPDATE head SET number = %s, next_row = %s, next_key = %s, token = %s"
_END_CHUNKS = """
UPDATE chunks SET to_commit = %(number)s WHERE to_commit = %(open)s AND document IN
    (SELECT key FROM documents WHERE tenant = %(tenant)s AND sha256(id) = sha256(%(id)s) AND id = %(id)s
     AND to_commit = %(open)s)
"""
_END_DOCUMENT = """
UPDATE documents SET to_commit = %(number)s
WHERE tenant = %(tenant)s AND sha256(id) = sha256(%(id)s) AND id = %(id)s AND to_commit = %(open)s
"""
_DROP_STATE = "DELETE FROM sources WHERE tenant = %(tenant)s AND sha256(id) = sha256(%(id)s) AND id = %(id)s"
_ADD_STATE = """
INSERT INTO sources (tenant, id, uri, content_hash, fingerprint, state, stage, reason, n_chunks, origin)
VALUES (%(tenant)s, %(id)s, %(uri)s, %(content_hash)s, %(fingerprint)s, %(state)s, %(stage)s, %(reason)s,
    %(n_chunks)s, %(origin)s)
"""
_N_OPEN = """
SELECT count(*) FROM chunks WHERE to_commit = %(open)s AND document IN
    (SELECT key FROM documents WHERE tenant = %(tenant)s AND sha256(id) = sha256(%(id)s) AND id = %(id)s
     AND to_commit = %(open)s)
"""
_ADD_DOCUMENT = "INSERT INTO documents VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
_ADD_CHUNK = "INSERT INTO chunks VALUES (%s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s, %s, %s::jsonb, %s)"
_ADD_POSTINGS = """
INSERT INTO postings SELECT %s, t.term, t.chunk, t.n
FROM unnest(%s::bytea[], %s::bigint[], %s::integer[]) AS t (term, chunk, n)
"""
_MOST_POSTINGS = 200_000  # at a time
_AS_TENANT = "SELECT set_config('ragkit.tenant', %s, true)"
_COMMITTED = "SELECT number FROM head WHERE token = %s"


@dataclass(slots=True)
class _Place:
    """What the next things that are written are numbered, and the counts that are not yet written."""

    number: int
    row: int
    key: int
    postings: list[tuple[bytes, int, int]] = field(default_factory=list)


def write_commit(database: Database, connection: Connection[Any], changes: Sequence[Change]) -> int:
    """Writes changes as one commit and returns its number: readers see all of it or none.

    Raises:
        StoreError: a change is inconsistent, or the database refuses; `TransientStoreError` where the same
            call may go through later. Nothing is written then.
    """
    import psycopg

    token = uuid.uuid4()
    try:
        with database.explained():
            try:
                with connection.transaction():
                    number = _write(connection, changes, token)
                    reach("commit.pointer")
            except psycopg.OperationalError:
                # The connection may have died after the server committed and before it said so.
                found = _number_of(database, token) if connection.closed else None
                if found is None:
                    raise
                number = found
    except UnicodeEncodeError as e:
        raise StoreError(
            f"{database.where}: a text holds half a surrogate pair, which no encoding can carry. Remove it"
        ) from e
    reach("commit.done")
    return number


def _number_of(database: Database, token: uuid.UUID) -> int | None:
    """The commit that a token was given to, if that commit happened and is the last."""
    try:
        with database.own() as connection:
            row = connection.execute(_COMMITTED, [token]).fetchone()
    except StoreError:
        return None
    return None if row is None else int(row[0])


def _write(connection: Connection[Any], changes: Sequence[Change], token: uuid.UUID) -> int:
    number, row, key = connection.execute(_POINTER).fetchone() or (0, 0, 0)
    place = _Place(number + 1, row, key)
    reach("commit.begun")
    for tenant, own in groupby(sorted(changes, key=_tenant), key=_tenant):
        # Under row-level security nothing of another tenant can be touched from here on.
        connection.execute(_AS_TENANT, [tenant_setting(tenant)])
        for change in own:
            _write_change(connection, change, place)
            if len(place.postings) >= _MOST_POSTINGS:
                _write_postings(connection, tenant, place)
        _write_postings(connection, tenant, place)
    connection.execute(_MOVE, (place.number, place.row, place.key, token))
    return place.number


def _tenant(change: Change) -> str:
    return change.state.tenant


def _write_change(connection: Connection[Any], change: Change, place: _Place) -> None:
    state = change.state
    names = {
        "tenant": to_bytes(state.tenant),
        "id": to_bytes(state.document_id),
        "number": place.number,
        "open": OPEN,
    }
    if change.document is None and state.state == "quarantined":
        (n_open,) = connection.execute(_N_OPEN, names).fetchone() or (0,)
        _write_state(connection, state, int(n_open), names)
        return
    connection.execute(_END_CHUNKS, names)
    connection.execute(_END_DOCUMENT, names)
    reach("commit.ended")
    if change.document is None:
        connection.execute(_DROP_STATE, names)
        reach("commit.removed")
        return
    _write_document(connection, change, place)
    _write_state(connection, state, len(change.records), names)


def _write_state(
    connection: Connection[Any], state: DocumentState, n_chunks: int, names: dict[str, Any]
) -> None:
    connection.execute(_DROP_STATE, names)
    texts = {
        name: None if (text := getattr(state, name)) is None else to_bytes(text)
        for name in ("uri", "content_hash", "fingerprint", "stage", "reason", "origin")
    }
    connection.execute(_ADD_STATE, {**names, **texts, "state": state.state, "n_chunks": n_chunks})
    reach("commit.state")


def _write_document(connection: Connection[Any], change: Change, place: _Place) -> None:
    document, tenant = change.document, to_bytes(change.state.tenant)
    assert document is not None
    uri = None if document.uri is None else to_bytes(document.uri)
    shape = to_bytes(codec.shape_of_document(document))
    connection.execute(
        _ADD_DOCUMENT,
        (
            place.key,
            tenant,
            to_bytes(document.id),
            uri,
            codec.pack_text(document.text),
            shape,
            place.number,
            OPEN,
        ),
    )
    reach("commit.document")
    if change.records:
        with connection.cursor() as cursor:
            cursor.executemany(_ADD_CHUNK, _chunk_rows(change.records, tenant, place))
        reach("commit.chunk")
        for i, record in enumerate(change.records):
            counted = Counter(record.terms).items()
            place.postings += [(term_key(term), place.row + i, n) for term, n in counted]
    place.row += len(change.records)
    place.key += 1


def _chunk_rows(records: Sequence[Record], tenant: bytes, place: _Place) -> Iterable[tuple[Any, ...]]:
    for i, record in enumerate(records):
        chunk = record.chunk
        identity, text, shape = bytes.fromhex(chunk.id), chunk.text, codec.shape_of_chunk(chunk)
        acl = codec.dump([spelled(group) for group in chunk.acl])
        yield (
            place.row + i, identity, place.key, tenant, acl, place.number, OPEN, len(record.terms),
            codec.checksum_of(identity, text, shape), to_bytes(text), to_bytes(shape),
            fields_json(chunk.metadata), record.vector,
        )  # fmt: skip


def _write_postings(connection: Connection[Any], tenant: str, place: _Place) -> None:
    if place.postings:
        # In the order of the index, which takes half the time.
        terms, rows, counts = zip(*sorted(place.postings), strict=True)
        lists = packed_bytes(terms), packed_bigints(rows), packed_integers(counts)
        connection.execute(_ADD_POSTINGS, (to_bytes(tenant), *lists))
        place.postings.clear()


def checked(changes: Iterable[Change], dimension: int) -> list[Change]:
    """The changes, if they can be written; see `ragkit.store.changes`."""
    items = list(changes)
    check_changes(items, dimension)
    return items
