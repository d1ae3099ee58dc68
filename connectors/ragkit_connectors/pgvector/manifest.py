"""What the database says of documents: their states, their texts, and how many there are."""

# ruff: noqa: S608  (statements are joined from constants alone)

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ragkit.protocols import DocumentState, StoreCounts
from ragkit.store import codec
from ragkit.types import Document
from ragkit_connectors.pgvector.database import Database
from ragkit_connectors.pgvector.encoding import to_bytes, to_text
from ragkit_connectors.pgvector.schema import OPEN
from ragkit_connectors.pgvector.view import check_commit

_PAGE = 1_000
_STATE = (
    "s.id, s.tenant, s.uri, s.content_hash, s.fingerprint, s.state, s.stage, s.reason, s.n_chunks, s.origin"
)
_ORDER = "ORDER BY s.tenant, substring(s.id from 1 for 512), s.id"
_ONE = f"""
SELECT {_STATE} FROM sources s
WHERE s.tenant = %(tenant)s AND sha256(s.id) = sha256(%(id)s) AND s.id = %(id)s
"""
_OF_TENANT = f"""
SELECT {_STATE} FROM sources s WHERE s.tenant = %(tenant)s
AND (substring(s.id from 1 for 512), s.id) > (substring(%(id)s::bytea from 1 for 512), %(id)s::bytea)
{_ORDER} LIMIT %(page)s
"""
_OF_ALL = f"""
SELECT {_STATE} FROM sources s
WHERE (s.tenant, substring(s.id from 1 for 512), s.id)
    > (%(tenant)s::bytea, substring(%(id)s::bytea from 1 for 512), %(id)s::bytea)
{_ORDER} LIMIT %(page)s
"""
_AT_URI = f"""
SELECT {_STATE} FROM sources s
WHERE s.tenant = %(tenant)s AND sha256(s.uri) = sha256(%(uri)s) AND s.uri = %(uri)s
{_ORDER}
"""
_QUARANTINED = f"SELECT {_STATE} FROM sources s WHERE s.state = 'quarantined' {_ORDER}"
_SOURCE = """
SELECT d.id, d.uri, d.text, d.shape FROM documents d
WHERE tenant = %(tenant)s AND sha256(id) = sha256(%(id)s) AND id = %(id)s
AND from_commit <= %(commit)s AND to_commit > %(commit)s
"""
_COUNTS = """
SELECT (SELECT count(*) FROM documents WHERE to_commit = %(open)s),
    (SELECT count(DISTINCT tenant) FROM documents WHERE to_commit = %(open)s),
    (SELECT count(*) FROM chunks WHERE to_commit = %(open)s),
    (SELECT count(*) FROM sources WHERE state = 'quarantined')
"""


class PgManifest:
    """The record of documents in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def state(self, tenant: str, document_id: str) -> DocumentState | None:
        """What is known of a document, or None."""
        found = self._states(_ONE, tenant, id=to_bytes(document_id))
        return found[0] if found else None

    def states(self, tenant: str | None = None) -> Iterator[DocumentState]:
        """All documents of a tenant, or of all tenants, by tenant and id; read a page at a time."""
        statement = _OF_ALL if tenant is None else _OF_TENANT
        key = (to_bytes(tenant or ""), b"")
        while True:
            page = self._states(statement, tenant, first=key[0], id=key[1], page=_PAGE)
            yield from page
            if len(page) < _PAGE:
                return
            key = (to_bytes(page[-1].tenant), to_bytes(page[-1].document_id))

    def at_uri(self, tenant: str, uri: str) -> list[DocumentState]:
        """The documents of a tenant that came from a place, by id."""
        return self._states(_AT_URI, tenant, uri=to_bytes(uri))

    def quarantined(self) -> list[DocumentState]:
        """The documents of all tenants that could not be ingested, by tenant and id."""
        return self._states(_QUARANTINED, None)

    def source(self, tenant: str, document_id: str, commit: int | None = None) -> Document | None:
        """A document as it was committed; None when there is none.

        Raises:
            StoreError: `commit` is not kept any more.
        """
        values = {"tenant": to_bytes(tenant), "id": to_bytes(document_id)}
        with self._database.reading(tenant) as reading:
            wanted = reading.pointer.number if commit is None else commit
            check_commit(wanted, reading.pointer, self._database.where)
            rows = reading.rows(_SOURCE, {**values, "commit": wanted})
        if not rows:
            return None
        identity, uri, text, shape = rows[0]
        return codec.document_from(
            to_text(identity), None if uri is None else to_text(uri), text, to_text(shape)
        )

    def counts(self) -> StoreCounts:
        """Counts at the current commit."""
        with self._database.reading() as reading:
            ((documents, tenants, chunks, bad),) = reading.rows(_COUNTS, {"open": OPEN})
        return StoreCounts(documents=documents, chunks=chunks, tenants=tenants, quarantined=bad)

    def _states(
        self, statement: str, tenant: str | None, first: bytes = b"", **values: Any
    ) -> list[DocumentState]:
        own = first if tenant is None else to_bytes(tenant)
        with self._database.reading(tenant) as reading:
            return [_state(row) for row in reading.rows(statement, {**values, "tenant": own})]


def _state(row: Sequence[Any]) -> DocumentState:
    texts: list[Any] = [
        value if value is None or isinstance(value, str | int) else to_text(value) for value in row
    ]
    document_id, tenant, uri, content_hash, fingerprint, state, stage, reason, n_chunks, origin = texts
    return DocumentState(
        document_id, tenant=tenant, uri=uri, content_hash=content_hash, fingerprint=fingerprint,
        state=state, stage=stage, reason=reason, n_chunks=n_chunks, origin=origin,
    )  # fmt: skip
