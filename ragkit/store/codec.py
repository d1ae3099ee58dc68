"""Documents and chunks as stores with transactions keep them, and back: bytes, JSON and a checksum."""

from __future__ import annotations

import json
import zlib
from typing import Any

from ragkit.errors import CorruptIndexError
from ragkit.types import Chunk, Document, Section, Span


def dump(value: object) -> str:
    """Compact JSON; NaN and infinity are refused."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=list)


def pack_text(text: str) -> bytes:
    """A canonical text, compressed; lone surrogates survive."""
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 3)


def shape_of_document(document: Document) -> str:
    """All of a document but its identity and its text."""
    return dump(
        {
            "metadata": dict(document.metadata),
            "acl": document.acl,
            "pages": [(s.start, s.end) for s in document.pages],
            "sections": [(s.title, s.level, s.span.start, s.span.end) for s in document.sections],
            "blocks": [(s.start, s.end) for s in document.blocks],
        }
    )


def document_from(document_id: str, uri: str | None, text: bytes, shape: str) -> Document:
    """The document that was committed.

    Raises:
        CorruptIndexError: its record is not what was written.
    """
    try:
        raw = json.loads(shape)
        return Document(
            document_id,
            zlib.decompress(text).decode("utf-8", "surrogatepass"),
            metadata=raw["metadata"],
            uri=uri,
            acl=tuple(raw["acl"]),
            pages=tuple(Span(*pair) for pair in raw["pages"]),
            sections=tuple(Section(t, level=lv, span=Span(a, b)) for t, lv, a, b in raw["sections"]),
            blocks=tuple(Span(*pair) for pair in raw["blocks"]),
        )
    except (zlib.error, ValueError, KeyError, TypeError) as e:
        raise _damaged(f"document {document_id!r}", e) from e


def shape_of_chunk(chunk: Chunk) -> str:
    """All of a chunk but its identity, its text and what its document says of it."""
    return dump(
        [
            chunk.span.start,
            chunk.span.end,
            chunk.ordinal,
            chunk.headings,
            chunk.page,
            chunk.lang,
            dict(chunk.metadata),
            chunk.uri,
        ]
    )


def metadata_of(shape: str) -> dict[str, Any]:
    """The metadata within a chunk's shape."""
    try:
        metadata: dict[str, Any] = json.loads(shape)[6]
    except (ValueError, TypeError, IndexError) as e:
        raise _damaged("a chunk", e) from e
    return metadata


def checksum_of(identity: bytes, text: str, shape: str) -> int:
    """CRC-32 of what is recorded of a chunk beside what its document says."""
    data = b"\0".join((identity, text.encode("utf-8", "surrogatepass"), shape.encode()))
    return zlib.crc32(data)


def chunk_from(
    identity: bytes, document_id: str, text: str, shape: str, checksum: int, owner: tuple[str, Any]
) -> Chunk:
    """The chunk that was committed. `owner` is its tenant and its acl.

    Raises:
        CorruptIndexError: its record is not what was written.
    """
    try:
        if checksum_of(identity, text, shape) != checksum:
            raise ValueError("its bytes are not those that were written")
        start, end, ordinal, headings, page, lang, metadata, uri = json.loads(shape)
        return Chunk(
            identity.hex(),
            document_id,
            span=Span(start, end),
            text=text,
            ordinal=ordinal,
            uri=uri,
            headings=tuple(headings),
            page=page,
            lang=lang,
            metadata=metadata,
            tenant=owner[0],
            acl=owner[1],
        )
    except (ValueError, TypeError, AttributeError) as e:
        raise _damaged(f"a chunk of document {document_id!r}", e) from e


def _damaged(what: str, error: Exception) -> CorruptIndexError:
    return CorruptIndexError(
        f"{what}: its record in the manifest is damaged ({error}). ragkit verify shows all that is; "
        "restore the index from a copy, or ingest again into a new one"
    )
