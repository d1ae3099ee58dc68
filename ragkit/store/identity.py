"""Names for content: the same chunk of the same document made the same way has the same id everywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from ragkit.types import Document


def chunk_id(tenant: str, document_id: str, content_hash: str, fingerprint: str, ordinal: int) -> str:
    """A chunk's id: 128 bits of SHA-256 over its parts, each with its length before it, as 32 hex digits.

    The lengths keep `("ab", "c")` and `("a", "bc")` apart. By the birthday bound, two of 10**12 chunks
    share an id with probability about 1.5e-15.

    >>> len(chunk_id("", "guide.md", "0" * 64, "v1", 0))
    32
    """
    return _digest((tenant, document_id, content_hash, fingerprint, str(ordinal)))[:32]


def content_hash(document: Document) -> str:
    """SHA-256 of all that a reader of the document could notice: text, metadata, acl, uri and structure.

    Its id is left out, so a renamed file keeps its content hash. The order of metadata keys does not count.
    """
    shape = {
        "metadata": dict(document.metadata),
        "uri": document.uri,
        "acl": sorted(set(document.acl)),
        "pages": [(s.start, s.end) for s in document.pages],
        "sections": [(s.title, s.level, s.span.start, s.span.end) for s in document.sections],
        "blocks": [(s.start, s.end) for s in document.blocks],
    }
    return _digest((document.text, json.dumps(shape, sort_keys=True, ensure_ascii=True, default=list)))


def fingerprint_of(*parts: str) -> str:
    """One fingerprint for several, for example of a chunker, an embedder and an analyzer; 32 hex digits."""
    return _digest(parts)[:32]


def _digest(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()
