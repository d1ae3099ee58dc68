"""What the server says of documents: their states, their texts, and how many there are."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

from ragkit.errors import CorruptIndexError
from ragkit.protocols import DocumentState, StoreCounts
from ragkit.store import codec
from ragkit.store.remote.conditions import Condition, all_of, equals, is_among
from ragkit.store.remote.head import Head
from ragkit.store.remote.points import document_key
from ragkit.store.remote.server import CHUNKS, RECORDS, RemoteServer
from ragkit.store.remote.view import at_head, check_kept
from ragkit.store.remote.words import word
from ragkit.types import Document

AT_ONCE = 500  # keys in one condition


class RemoteManifest:
    """The record of documents beside the chunks."""

    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    def state(self, tenant: str, document_id: str) -> DocumentState | None:
        """What is known of a document, or None."""
        found = self._states(equals("key", state_key(document_key(tenant, document_id))))
        return found[0] if found else None

    def states(self, tenant: str | None = None) -> list[DocumentState]:
        """All documents of a tenant, or of all tenants, by tenant and id."""
        return self._states(True if tenant is None else equals("tenant", tenant))

    def at_uri(self, tenant: str, uri: str) -> list[DocumentState]:
        """The documents of a tenant that came from a place, by id."""
        return self._states(all_of([equals("tenant", tenant), equals("uri", word(uri))]))

    def quarantined(self) -> list[DocumentState]:
        """The documents of all tenants that could not be ingested, by tenant and id."""
        return self._states(equals("state", "quarantined"))

    def source(self, tenant: str, document_id: str, commit: int | None = None) -> Document | None:
        """A document as it was committed; None when there is none.

        Raises:
            StoreError: `commit` is not kept any more.
        """
        key = equals("key", document_key(tenant, document_id))

        def ask(head: Head) -> list[dict[str, Any]]:
            if commit is None:
                return self._visible(head, key, ("record",))
            check_kept(commit, head, self._server.where)
            return visible(self._server, head, key, ("record",), commit=commit)

        found = at_head(self._server, ask)
        if not found:
            return None
        return document_of(found[0]["record"], self._server.restore)

    def counts(self) -> StoreCounts:
        """Counts at the current commit."""
        return at_head(self._server, self._counts)

    def _counts(self, head: Head) -> StoreCounts:
        shown = head.shows(head.number)
        totals = self._visible(head, equals("kind", "totals"), ("documents",))
        n_bad = self._server.count(RECORDS, all_of([shown, equals("state", "quarantined")]))
        return StoreCounts(
            documents=sum(total["documents"] for total in totals),
            chunks=self._server.count(CHUNKS, shown),
            tenants=sum(total["documents"] > 0 for total in totals),
            quarantined=n_bad,
        )

    def _states(self, condition: Condition) -> list[DocumentState]:
        wanted = all_of([equals("kind", "state"), condition])
        found = at_head(self._server, lambda head: self._visible(head, wanted, ("record",)))
        states = [state_of(payload["record"], self._server.restore) for payload in found]
        return sorted(states, key=lambda state: (state.tenant, state.document_id))

    def _visible(self, head: Head, condition: Condition, keys: Sequence[str]) -> list[dict[str, Any]]:
        return visible(self._server, head, condition, keys)


def visible(
    server: RemoteServer,
    head: Head,
    condition: Condition,
    keys: Sequence[str],
    *,
    commit: int | None = None,
) -> list[dict[str, Any]]:
    """What a commit (the current one, if None) shows of the records for which a condition holds."""
    wanted = all_of([head.shows(head.number if commit is None else commit), condition])
    return [hit.payload for hit in server.scroll(RECORDS, wanted, keys)]


def visible_of(
    server: RemoteServer, head: Head, names: Sequence[str], keys: Sequence[str]
) -> list[dict[str, Any]]:
    """What the current commit shows of the records with these keys."""
    found: list[dict[str, Any]] = []
    for first in range(0, len(names), AT_ONCE):
        found += visible(server, head, is_among("key", names[first : first + AT_ONCE]), keys)
    return found


def state_key(key: str) -> str:
    """The key of the state of a document whose own key is given."""
    return f"state {key}"


def totals_key(tenant: str) -> str:
    """The key of a tenant's totals."""
    return "totals " + document_key(tenant, "")


# Records are JSON in ASCII: any text goes in, and comes back as it was.


def state_record(state: DocumentState) -> str:
    """A state as it is kept."""
    return json.dumps(astuple(state))


def state_of(record: str, restore: str) -> DocumentState:
    """The state that was kept; `restore` says what mends an index.

    Raises:
        CorruptIndexError: it is not what was written.
    """
    try:
        (document_id, tenant, uri, content_hash, fingerprint, state, stage, reason, n_chunks, origin) = (
            json.loads(record)
        )
    except (ValueError, TypeError) as e:
        raise CorruptIndexError(
            f"the state of a document is damaged ({e}). {restore}, or ingest again"
        ) from e
    return DocumentState(
        document_id, tenant=tenant, uri=uri, content_hash=content_hash, fingerprint=fingerprint,
        state=state, stage=stage, reason=reason, n_chunks=n_chunks, origin=origin,
    )  # fmt: skip


def document_record(document: Document) -> str:
    """A document as it is kept, its text compressed."""
    packed = base64.b64encode(codec.pack_text(document.text)).decode()
    return json.dumps([document.id, document.uri, packed, codec.shape_of_document(document)])


def document_of(record: str, restore: str) -> Document:
    """The document that was kept; `restore` says what mends an index.

    Raises:
        CorruptIndexError: it is not what was written.
    """
    try:
        identity, uri, packed, shape = json.loads(record)
        return codec.document_from(identity, uri, base64.b64decode(packed), shape)
    except (ValueError, TypeError) as e:
        raise CorruptIndexError(f"a document's record is damaged ({e}). {restore}, or ingest again") from e
