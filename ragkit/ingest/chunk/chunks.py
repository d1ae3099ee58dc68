"""Spans → chunks: each with its identity, headings, page and language."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from ragkit.store.identity import chunk_id, content_hash
from ragkit.text.headings import heading_paths
from ragkit.text.language import UNDETERMINED, detect_language
from ragkit.types import Chunk, Document, Span


def make_chunks(document: Document, spans: Sequence[Span], tenant: str, fingerprint: str) -> list[Chunk]:
    """The document's chunks at `spans`, in order.

    `headings` are the titles of the sections that hold the whole chunk, outermost first, below the
    document's title where no section carries it: a chunk over two sections has their common path.
    """
    digest = content_hash(document)
    page_starts = [page.start for page in document.pages]
    fallback = document.metadata.get("lang")
    chunks = []
    for ordinal, (span, path) in enumerate(zip(spans, heading_paths(document, spans), strict=True)):
        text = span.of(document.text)
        lang = detect_language(text)
        if lang == UNDETERMINED and isinstance(fallback, str):
            lang = fallback
        chunks.append(
            Chunk(
                chunk_id(tenant, document.id, digest, fingerprint, ordinal),
                document.id,
                span=span,
                text=text,
                ordinal=ordinal,
                uri=document.uri,
                headings=path,
                page=bisect_right(page_starts, span.start) or None,
                lang=lang,
                metadata=document.metadata,
                tenant=tenant,
                acl=document.acl,
            )
        )
    return chunks
