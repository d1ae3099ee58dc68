"""What conditions ask for, and Qdrant finds by an index of the payload."""

from __future__ import annotations

from collections.abc import Iterator

from ragkit_connectors.qdrant.port import Kind
from ragkit_connectors.qdrant.settings import QdrantSettings

_KEYWORDS = {
    "chunks": ("acl", "id", "doc", "terms", "k", "r[].n"),
    "meta": ("key", "kind", "uri", "state", "holder", "owner"),
}
_WHOLE = ("from", "to")
_COUNTERS = ("number", "intent", "expires_ms", "commit", "ends_ms")
# Asked of one record, or of the few of a kind: a server in strict mode wants an index of these all the same.
_OF_FEW = frozenset({*_COUNTERS, "owner", "holder"})


def indexed_keys(settings: QdrantSettings) -> Iterator[tuple[str, str, Kind]]:
    """The keys of each collection, with their kind; tenants' chunks lie side by side."""
    chunks, meta = settings.collection, settings.meta
    for name, key, kind in _all(chunks, meta):
        if not (settings.is_edge and key in _OF_FEW):
            yield name, key, kind


def _all(chunks: str, meta: str) -> Iterator[tuple[str, str, Kind]]:
    for which, name in (("chunks", chunks), ("meta", meta)):
        yield name, "tenant", "tenant"
        for key in _KEYWORDS[which]:
            yield name, key, "keyword"
        for key in _WHOLE:
            yield name, key, "integer"
    yield chunks, "r[].v", "float"
    for key in _COUNTERS:
        yield meta, key, "integer"
