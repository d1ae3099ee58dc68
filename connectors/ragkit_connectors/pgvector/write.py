"""How a commit is written: one transaction, on the connection that holds the writer's lock."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.errors import StoreError
from ragkit.failpoints import reach
from ragkit.protocols import Change, DocumentState
from ragkit.store import codec
from ragkit.store.changes import check_changes
from ragkit_connectors.pgvector.checksums import checksum_of_terms, checksum_of_vector
from ragkit_connectors.pgvector.database import Database, tenant_setting
from ragkit_connectors.pgvector.encoding import spelled, term_key, to_bytes
from ragkit_connectors.pgvector.fields import fields_json
from ragkit_connectors.pgvector.schema import OPEN
from ragkit_connectors.pgvector.vendor import Packed, packed_bigints, packed_bytes, packed_integers

if TYPE_CHECKING:
    from psycopg import Connection

_POINTER = "SELECT number, next_row, next_key, n_sources, n_chunks FROM head FOR UPDATE"
_MOVE = """
UPDATE head SET number = %s, next_row = %s, next_key = %s, n_sources = %s, n_chunks = %s, token = %s
"""
_REPLACED = """
SELECT count(*), coalesce(sum(n_chunks), 0)::bigint FROM sources
WHERE tenant = %(tenant)s AND sha256(id) = ANY(%(digests)s) AND id = ANY(%(ids)s)
"""
# For all documents of a commit at once, and planned each time: a plan that was made while the tables were
# empty, and kept, reads all of them for every document.
_STANDING = """
SELECT key FROM documents
WHERE tenant = %(tenant)s AND sha256(id) = ANY(%(digests)s) AND id = ANY(%(ids)s) AND to_commit = %(open)s
"""
_END = (
    "UPDATE chunks SET to_commit = %(number)s WHERE document = ANY(%(keys)s) AND to_commit = %(open)s",
    "UPDATE documents SET to_commit = %(number)s WHERE key = ANY(%(keys)s)",
)
_DROP_STATES = """
DELETE FROM sources WHERE tenant = %(tenant)s AND sha256(id) = ANY(%(digests)s) AND id = ANY(%(ids)s)
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
_ADD_CHUNK = """
INSERT INTO chunks VALUES (%s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s)
"""
_ADD_POSTINGS = """
INSERT INTO postings SELECT %s, t.term, t.chunk, t.n
FROM unnest(%s::bytea[], %s::bigint[], %s::integer[]) AS t (term, chunk, n)
"""
_MOST_POSTINGS = 200_000  # at a time
_AS_TENANT = "SELECT set_config('ragkit.tenant', %s, true)"
_COMMITTED = "SELECT number FROM head WHERE token = %s"


@dataclass(slots=True)
class _Place:
    """What the next things that are written are numbered, and how much there is then."""

    number: int
    row: int
    key: int
    n_sources: int
    n_chunks: int


def write_commit(database: Database, connection: Connection[Any], changes: Sequence[Change]) -> int:
    """Writes changes as one commit and returns its number: readers see all of it or none.

    Raises:
        StoreError: a change is inconsistent, or the database refuses; `TransientStoreError` where the same
            call may go through later. Nothing is written then.
    """
    import psycopg

    token = uuid.uuid4()
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
    number, *rest = connection.execute(_POINTER).fetchone() or (0, 0, 0, 0, 0)
    place = _Place(number + 1, *rest)
    reach("commit.begun")
    for tenant, own in groupby(sorted(changes, key=_tenant), key=_tenant):
        # Under row-level security nothing of another tenant can be touched from here on.
        connection.execute(_AS_TENANT, [tenant_setting(tenant)])
        _write_tenant(connection, list(own), place)
    numbers = (place.number, place.row, place.key, place.n_sources, place.n_chunks)
    connection.execute(_MOVE, (*numbers, token))
    return place.number


def _tenant(change: Change) -> str:
    return change.state.tenant


def _write_tenant(connection: Connection[Any], changes: Sequence[Change], place: _Place) -> None:
    """Each kind of statement for all documents at once: one by one each would wait for the server."""
    _count_replaced(connection, changes, place)
    failed = [change for change in changes if _keeps_content(change)]
    others = [change for change in changes if not _keeps_content(change)]
    for change in failed:
        names = _names(change.state, place)
        (n_open,) = connection.execute(_N_OPEN, names).fetchone() or (0,)
        connection.execute(_DROP_STATE, names)
        connection.execute(_ADD_STATE, {**names, **_state(change.state, int(n_open))})
        place.n_sources += 1
        place.n_chunks += int(n_open)
        reach("commit.state")
    if not others:
        return
    added = [change for change in others if change.document is not None]
    _end(connection, others, place)
    # In a pipeline the server works on what it was sent while the rest is made ready.
    with connection.pipeline(), connection.cursor() as cursor:
        if added:
            cursor.executemany(_ADD_STATE, _state_rows(added, place))
            cursor.executemany(_ADD_DOCUMENT, _document_rows(added, place))
        if any(change.records for change in added):
            cursor.executemany(_ADD_CHUNK, _chunk_rows(added, place))
            _write_postings(connection, added, place)
    n_chunks = sum(len(change.records) for change in added)
    place.key += len(added)
    place.n_sources += len(added)
    place.row += n_chunks
    place.n_chunks += n_chunks


def _count_replaced(connection: Connection[Any], changes: Sequence[Change], place: _Place) -> None:
    """Takes what is known of the documents so far out of the totals; what is written is added to them."""
    n_sources, n_chunks = connection.execute(_REPLACED, _all_of(changes), prepare=False).fetchone() or (0, 0)
    place.n_sources -= n_sources
    place.n_chunks -= n_chunks


def _end(connection: Connection[Any], changes: Sequence[Change], place: _Place) -> None:
    """Ends what stands of the documents, and drops what is known of them."""
    asked = _all_of(changes)
    keys = [key for (key,) in connection.execute(_STANDING, asked, prepare=False).fetchall()]
    values = {"keys": keys, "number": place.number, "open": OPEN}
    for statement in _END if keys else ():
        connection.execute(statement, values, prepare=False)
        reach("commit.ended")
    connection.execute(_DROP_STATES, asked, prepare=False)
    reach("commit.ended")


def _all_of(changes: Sequence[Change]) -> dict[str, Any]:
    """Which documents of one tenant are meant."""
    ids = [to_bytes(change.state.document_id) for change in changes]
    digests = [hashlib.sha256(name).digest() for name in ids]
    return {"tenant": to_bytes(changes[0].state.tenant), "ids": ids, "digests": digests, "open": OPEN}


def _keeps_content(change: Change) -> bool:
    """Whether a document that is there stays as it is, and only its failure is noted."""
    return change.document is None and change.state.state == "quarantined"


def _names(state: DocumentState, place: _Place) -> dict[str, Any]:
    return {
        "tenant": to_bytes(state.tenant),
        "id": to_bytes(state.document_id),
        "number": place.number,
        "open": OPEN,
    }


def _state(state: DocumentState, n_chunks: int) -> dict[str, Any]:
    texts = {
        name: None if (text := getattr(state, name)) is None else to_bytes(text)
        for name in ("uri", "content_hash", "fingerprint", "stage", "reason", "origin")
    }
    return {**texts, "state": state.state, "n_chunks": n_chunks}


def _state_rows(changes: Iterable[Change], place: _Place) -> Iterator[dict[str, Any]]:
    for change in changes:
        yield {**_names(change.state, place), **_state(change.state, len(change.records))}
        reach("commit.state")


def _document_rows(changes: Iterable[Change], place: _Place) -> Iterator[tuple[Any, ...]]:
    for key, change in enumerate(changes, start=place.key):
        document = change.document
        assert document is not None
        yield (
            key, to_bytes(change.state.tenant), to_bytes(document.id),
            None if document.uri is None else to_bytes(document.uri), codec.pack_text(document.text),
            to_bytes(codec.shape_of_document(document)), place.number, OPEN,
        )  # fmt: skip
        reach("commit.document")


def _chunk_rows(changes: Iterable[Change], place: _Place) -> Iterator[tuple[Any, ...]]:
    row = place.row
    for key, change in enumerate(changes, start=place.key):
        tenant = to_bytes(change.state.tenant)
        for record in change.records:
            chunk = record.chunk
            identity, text, shape = bytes.fromhex(chunk.id), chunk.text, codec.shape_of_chunk(chunk)
            acl = codec.dump([spelled(group) for group in chunk.acl])
            yield (
                row, identity, key, tenant, acl, place.number, OPEN, len(record.terms),
                codec.checksum_of(identity, text, shape), checksum_of_vector(record.vector),
                checksum_of_terms(Counter(record.terms)), to_bytes(text), to_bytes(shape),
                fields_json(chunk.metadata), record.vector, record.reading or None,
            )  # fmt: skip
            row += 1
        if change.records:
            reach("commit.chunk")


def _write_postings(connection: Connection[Any], changes: Iterable[Change], place: _Place) -> None:
    batch = _Postings(place.row)
    tenant = b""
    for change in changes:
        tenant = to_bytes(change.state.tenant)
        for record in change.records:
            batch.add(record.terms)
        if len(batch.numbers) >= _MOST_POSTINGS:
            connection.execute(_ADD_POSTINGS, (tenant, *batch.packed()))
            batch = _Postings(batch.row)
    if batch.numbers:
        connection.execute(_ADD_POSTINGS, (tenant, *batch.packed()))


class _Postings:
    """Counts of terms by chunk, for chunks of consecutive rows, in flat lists."""

    def __init__(self, row: int) -> None:
        self.first_row = self.row = row
        self.numbers: list[int] = []  # of terms, in the order of their first use
        self._counts: list[int] = []
        self._n_of_row: list[int] = []
        self._known: defaultdict[str, int] = defaultdict()
        self._known.default_factory = self._known.__len__

    def add(self, terms: Sequence[str]) -> None:
        """The terms of the next row."""
        counted = Counter(terms)
        self.numbers += map(self._known.__getitem__, counted)
        self._counts += counted.values()
        self._n_of_row.append(len(counted))
        self.row += 1

    def packed(self) -> tuple[Packed, Packed, Packed]:
        """Terms, rows and counts in the order of the table's index, which takes half the time to write."""
        keys = sorted((term_key(term), number) for term, number in self._known.items())
        rank = np.empty(len(keys), dtype=np.int64)
        rank[[number for _, number in keys]] = np.arange(len(keys))
        ranks = rank[self.numbers]
        # Stable, so that the rows of a term ascend.
        order = np.argsort(ranks, kind="stable")
        rows = np.repeat(np.arange(self.first_row, self.row), self._n_of_row)
        n_of_term = np.bincount(ranks, minlength=len(keys)).tolist()
        terms = packed_bytes([(key, n) for (key, _), n in zip(keys, n_of_term, strict=True)])
        return terms, packed_bigints(rows[order]), packed_integers(np.array(self._counts)[order])


def checked(changes: Iterable[Change], dimension: int) -> list[Change]:
    """The changes, if they can be written; see `ragkit.store.changes`."""
    items = list(changes)
    check_changes(items, dimension)
    return items
