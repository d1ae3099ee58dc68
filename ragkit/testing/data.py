"""Small made-up documents as ingestion would commit them, and the fields that they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from ragkit.fields import parse_fields
from ragkit.protocols import Change, DocumentState, Record, Vectors
from ragkit.store.identity import chunk_id, content_hash
from ragkit.types import Chunk, Document, Metadata, Span

_NOTHING: Mapping[str, str] = MappingProxyType({})
FINGERPRINT = "test"
# One field of each type, and lists.
FIELDS = parse_fields(
    {
        "lang": "keyword",
        "tags": ["keyword"],
        "note": "text",
        "year": "integer",
        "price": "number",
        "draft": "boolean",
        "date": "datetime",
        "sizes": ["integer"],
    }
)


def unit(values: Sequence[float]) -> Vectors:
    """A unit vector in the direction of `values`, float32; along the first axis if all are 0."""
    vector = np.asarray(values, dtype=np.float64)
    length = float(np.linalg.norm(vector))
    if length == 0:
        vector, length = np.eye(len(vector))[0], 1.0
    return (vector / length).astype(np.float32)


def put(
    document_id: str,
    passages: Sequence[tuple[str, Vectors]],
    *,
    tenant: str = "",
    metadata: Metadata = _NOTHING,
    acl: Sequence[str] = (),
) -> Change:
    """A document of these passages, each with its vector; a passage's terms are its words.

    >>> len(put("a", [("one two", unit([1, 0]))]).records)
    1
    """
    text = "\n".join(words for words, _ in passages)
    document = Document(document_id, text, metadata=metadata, uri=f"test://{document_id}", acl=tuple(acl))
    digest, start, records = content_hash(document), 0, []
    for ordinal, (words, vector) in enumerate(passages):
        chunk = Chunk(
            chunk_id(tenant, document_id, digest, FINGERPRINT, ordinal),
            document_id,
            span=Span(start, start + len(words)),
            text=words,
            ordinal=ordinal,
            uri=document.uri,
            metadata=metadata,
            tenant=tenant,
            acl=tuple(acl),
        )
        records.append(Record(chunk, vector, tuple(words.split())))
        start += len(words) + 1
    return Change(
        DocumentState(
            document_id,
            tenant=tenant,
            uri=document.uri,
            content_hash=digest,
            fingerprint=FINGERPRINT,
            state="committed",
            n_chunks=len(records),
        ),
        document=document,
        records=tuple(records),
    )


def remove(document_id: str, *, tenant: str = "") -> Change:
    """The removal of a document."""
    return Change(
        DocumentState(
            document_id, tenant=tenant, uri=None, content_hash="", fingerprint=FINGERPRINT, state="committed"
        )
    )


def quarantine(document_id: str, *, tenant: str = "", stage: str = "parse", reason: str = "broken") -> Change:
    """The note that a document could not be ingested."""
    return Change(
        DocumentState(
            document_id,
            tenant=tenant,
            uri=None,
            content_hash="bad",
            fingerprint=FINGERPRINT,
            state="quarantined",
            stage=stage,
            reason=reason,
        )
    )
