"""Spans → chunks: each with its identity, headings, page and language."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from ragkit.store.identity import chunk_id, content_hash
from ragkit.text.language import UNDETERMINED, detect_language
from ragkit.types import Chunk, Document, Section, Span


def make_chunks(document: Document, spans: Sequence[Span], tenant: str, fingerprint: str) -> list[Chunk]:
    """The document's chunks at `spans`, in order.

    `headings` are the titles of the sections that hold the whole chunk, outermost first, below the
    document's title where no section carries it: a chunk over two sections has their common path.
    """
    digest = content_hash(document)
    page_starts = [page.start for page in document.pages]
    fallback = document.metadata.get("lang")
    chunks = []
    for ordinal, (span, path) in enumerate(zip(spans, _paths(document, spans), strict=True)):
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


def _paths(document: Document, spans: Sequence[Span]) -> list[tuple[str, ...]]:
    title = document.metadata.get("title")
    sections = sorted(document.sections, key=lambda s: (s.span.start, -s.span.end))
    paths = []
    open_: list[Section] = []
    at = 0
    for span in spans:
        while at < len(sections) and sections[at].span.start <= span.start:
            open_.append(sections[at])
            at += 1
        open_ = [s for s in open_ if s.span.end > span.start]
        path = [s.title for s in open_ if s.span.end >= span.end and s.span.start <= span.start]
        if isinstance(title, str) and title.strip() and (not path or not _says(path[0], title)):
            top = min((s.level for s in open_), default=None)
            if top is None or top > 1 or not path:
                path.insert(0, " ".join(title.split()))
        paths.append(tuple(path))
    return paths


def _says(heading: str, title: str) -> bool:
    """Whether a heading already carries the document's title, as in `Install – Acme Docs`."""
    return heading.casefold() in title.casefold()
