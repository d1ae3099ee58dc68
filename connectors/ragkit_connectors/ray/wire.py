"""What passes between the process that decides and a worker: JSON with blobs beside it, as plain bytes.

Ray hands bytes over as they are; nothing of ours is read through pickle. What JSON would not give back as it
was is not sent: the process that decides then does the work on it itself.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ragkit.errors import DocumentError
from ragkit.ingest.embed import Passages
from ragkit.ingest.making import Cut
from ragkit.store.identity import chunk_id, content_hash
from ragkit.types import Chunk, Document, Metadata, MetadataValue, Section, Span

_LENGTH = struct.Struct("<Q")
_SCALARS = (str, int, float, bool, type(None))
_MOST_BITS = 10_000


class NotPlainError(Exception):
    """A value that JSON would change."""


def pack(head: object, *blobs: bytes | memoryview) -> bytes:
    """A value that JSON has, and blobs, as bytes.

    >>> unpack(pack({"a": 1}, b"xyz", b""))
    ({'a': 1}, [b'xyz', b''])
    """
    text = json.dumps(head, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return b"".join(part for one in (text, *blobs) for part in (_LENGTH.pack(len(one)), one))


def unpack(data: bytes) -> tuple[Any, list[bytes]]:
    """What was packed."""
    parts, at = [], 0
    while at < len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        parts.append(data[at : at + length])
        at += length
    return json.loads(parts[0].decode("utf-8", "surrogatepass")), parts[1:]


def document_json(document: Document) -> dict[str, Any]:
    """A document as a value that JSON has.

    Raises:
        NotPlainError: its metadata holds what JSON does not.
    """
    return {
        "id": document.id,
        "text": document.text,
        "uri": document.uri,
        "metadata": metadata_json(document.metadata),
        "acl": list(document.acl),
        "pages": [(s.start, s.end) for s in document.pages],
        "sections": [(s.title, s.span.start, s.span.end, s.level) for s in document.sections],
        "blocks": [(s.start, s.end) for s in document.blocks],
    }


def document_of(value: Mapping[str, Any]) -> Document:
    """The document that `document_json` wrote."""
    return Document(
        value["id"],
        value["text"],
        uri=value["uri"],
        metadata=metadata_of(value["metadata"]),
        acl=tuple(value["acl"]),
        pages=_spans(value["pages"]),
        sections=tuple(Section(title, span=Span(a, b), level=n) for title, a, b, n in value["sections"]),
        blocks=_spans(value["blocks"]),
    )


def metadata_json(metadata: Metadata) -> dict[str, Any]:
    """Metadata as a value that JSON has; lists and tuples are told apart.

    Raises:
        NotPlainError: it holds what JSON does not.
    """
    if not all(type(key) is str for key in metadata):
        raise NotPlainError
    return {key: _value_json(value) for key, value in metadata.items()}


def metadata_of(value: Mapping[str, Any]) -> dict[str, MetadataValue]:
    """The metadata that `metadata_json` wrote."""
    return {
        key: item
        if not isinstance(item, dict)
        else tuple(item["tuple"])
        if "tuple" in item
        else list(item["list"])
        for key, item in value.items()
    }


def cut_json(cut: Cut) -> dict[str, Any]:
    """Passages without what their document says already."""
    return {
        "chunks": [
            (c.span.start, c.span.end, list(c.headings), c.page, list(c.page_starts), c.lang)
            for c in cut.chunks
        ],
        "terms": cut.terms,
    }


def cut_of(value: Mapping[str, Any], document: Document, tenant: str, fingerprint: str) -> Cut:
    """The passages of a document that `cut_json` wrote."""
    digest = content_hash(document)
    chunks = tuple(
        Chunk(
            chunk_id(tenant, document.id, digest, fingerprint, ordinal),
            document.id,
            span=Span(start, end),
            text=document.text[start:end],
            ordinal=ordinal,
            uri=document.uri,
            headings=tuple(headings),
            page=page,
            lang=lang,
            metadata=document.metadata,
            tenant=tenant,
            acl=document.acl,
            page_starts=tuple(page_starts),
        )
        for ordinal, (start, end, headings, page, page_starts, lang) in enumerate(value["chunks"])
    )
    return Cut(chunks, tuple(map(tuple, value["terms"])))


def error_json(error: DocumentError) -> dict[str, Any]:
    """Why a document cannot be ingested, as a value that JSON has."""
    return {
        "reason": error.reason,
        "stage": error.stage,
        "rejected": error.rejected,
        "blank": error.blank,
    }


def error_of(value: Mapping[str, Any]) -> DocumentError:
    """The error that `error_json` wrote."""
    return DocumentError(
        value["reason"], stage=value["stage"], rejected=value["rejected"], blank=value["blank"]
    )


def pack_passages(passages: Passages) -> bytes:
    """What a model made of texts, as bytes."""
    vectors = np.ascontiguousarray(passages.vectors, dtype="<f4")
    head = {"shape": vectors.shape, "readings": [len(reading) for reading in passages.readings]}
    return pack(head, vectors.tobytes(), b"".join(passages.readings))


def passages_of(head: Mapping[str, Any], blobs: Sequence[bytes]) -> Passages:
    """The passages that `pack_passages` wrote."""
    vectors = np.frombuffer(blobs[0], "<f4").reshape(head["shape"])
    readings, at = [], 0
    for length in head["readings"]:
        readings.append(blobs[1][at : at + length])
        at += length
    return Passages(vectors, readings)


def _value_json(value: object) -> object:
    if _is_scalar(value):
        return value
    if type(value) in (tuple, list) and isinstance(value, tuple | list):
        if not all(map(_is_scalar, value)):
            raise NotPlainError
        return {type(value).__name__: list(value)}
    raise NotPlainError


def _is_scalar(value: object) -> bool:
    # Python writes no number of over 4,300 digits.
    return type(value) in _SCALARS and not (isinstance(value, int) and value.bit_length() > _MOST_BITS)


def _spans(pairs: Sequence[Sequence[int]]) -> tuple[Span, ...]:
    return tuple(Span(start, end) for start, end in pairs)
