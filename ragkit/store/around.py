"""What lies around a chunk: its document as it stood when the chunk was found, as far as it may be seen.

Tenant and groups are a whole document's, so who may read one chunk may read them all. A filter is over
metadata that all chunks of a document share but for the language, which is detected for each chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile

from ragkit.filters import fields_used
from ragkit.protocols import Manifest, Scope, Surroundings
from ragkit.store.admission import LANG
from ragkit.store.identity import chunk_id, content_hash
from ragkit.types import Chunk, Document, Span

# Neighbours on either side that are looked at where some may be hidden.
REACH = 32

Fetch = Callable[[Sequence[str]], Sequence[Chunk | None]]


def surroundings(
    chunks: Sequence[Chunk], scope: Scope, manifest: Manifest, fetch: Fetch
) -> list[Surroundings | None]:
    """For each chunk its document and what of it the scope shows; None where that cannot be said.

    Args:
        chunks: as the scope showed them.
        scope: with its commit pinned.
        manifest: the record of documents.
        fetch: gives the chunks with these ids that the scope shows, None for the others.
    """
    known: dict[str, Document | None] = {}
    found: list[Surroundings | None] = []
    for chunk in chunks:
        if chunk.document_id not in known:
            known[chunk.document_id] = manifest.source(chunk.tenant, chunk.document_id, scope.commit)
        document = known[chunk.document_id]
        if document is None or not _is_readable(document, chunk, scope):
            found.append(None)
        else:
            found.append(Surroundings(document, _shown(document, chunk, scope, manifest, fetch)))
    return found


def _is_readable(document: Document, chunk: Chunk, scope: Scope) -> bool:
    return (
        chunk.tenant == (scope.tenant or "")
        and (scope.acl is None or not set(scope.acl).isdisjoint(document.acl))
        and chunk.span.of(document.text) == chunk.text
    )


def _shown(document: Document, chunk: Chunk, scope: Scope, manifest: Manifest, fetch: Fetch) -> Span:
    is_narrow = scope.filter is not None and LANG in fields_used(scope.filter)
    if not is_narrow or document.metadata.get(LANG) is not None:
        return Span(0, len(document.text))
    state = manifest.state(chunk.tenant, chunk.document_id)
    if state is None:
        return chunk.span
    names = (chunk.tenant, document.id, content_hash(document), state.fingerprint)
    if chunk_id(*names, chunk.ordinal) != chunk.id:
        # Replaced since, or made by something that names its chunks otherwise: its neighbours are not known.
        return chunk.span
    first = max(0, chunk.ordinal - REACH)
    around = fetch([chunk_id(*names, n) for n in range(first, chunk.ordinal + REACH + 1)])
    own = chunk.ordinal - first
    before = list(takewhile(lambda one: one is not None, reversed(around[:own])))
    after = list(takewhile(lambda one: one is not None, around[own + 1 :]))
    shown = [chunk.span, *(one.span for one in (*before, *after) if one is not None)]
    return Span(min(span.start for span in shown), max(span.end for span in shown))
