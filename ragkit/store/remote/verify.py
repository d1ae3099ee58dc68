"""Whether a server holds what was written: every document, every chunk, every vector, every count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from ragkit.errors import CorruptIndexError
from ragkit.protocols import DocumentState
from ragkit.store.identity import chunk_id, content_hash
from ragkit.store.remote import head as heads
from ragkit.store.remote.conditions import all_of, any_of, equals, in_range, is_among, none_of
from ragkit.store.remote.head import Head
from ragkit.store.remote.manifest import document_of, state_key, state_of, totals_key, visible, visible_of
from ragkit.store.remote.points import CONTENT, chunk_of, document_key
from ragkit.store.remote.server import CHUNKS, RECORDS, Found, RemoteServer
from ragkit.store.remote.words import words_of
from ragkit.store_spec import StoreSpec
from ragkit.types import Chunk, Document

WHOLE = (*CONTENT, "doc", "n", "terms", "counts", "k")  # all of a chunk that is not made of these
REPAIR = "Run: ragkit repair"
FORGET = "Remove the document with ragkit forget and ingest it again"
_AT_ONCE = 50  # documents
_SIZES = ("documents", "chunks", "terms")
_TOLERANCE = 1e-3  # of a squared length: what a commit is held to, see `ragkit.store.changes`
_UNREADABLE = (CorruptIndexError, ValueError, TypeError, KeyError, AttributeError)
T = TypeVar("T", Found, dict[str, Any])


@dataclass(slots=True)
class _Sums:
    """What the documents of each tenant come to, how many chunks were seen in all, and what is lost.

    Where a server keeps texts apart from what names them, one of them may be gone: then the keys that it held
    raise when they are asked for.
    """

    of_tenant: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))
    n_chunks: int = 0
    lost: list[str] = field(default_factory=list)

    def whole(self, found: Iterable[T], key: str) -> list[T]:
        """Those that still have a key; of the others it is noted what the server says."""
        out = []
        for one in found:
            payload: Mapping[str, Any] = one.payload if isinstance(one, Found) else one
            try:
                payload[key]
            except CorruptIndexError as e:
                self.lost.append(str(e))
            else:
                out.append(one)
        return out


def problems_of(server: RemoteServer, spec: StoreSpec) -> list[str]:
    """One line per problem of the current commit, with what mends it."""
    server.settle()
    head = heads.read(server)
    sums = _Sums()
    lines = list(_of_documents(server, head, spec, sums))
    lines += _of_totals(server, head, sums)
    lines += (line.removeprefix(f"{server.where}: ") for line in sums.lost)
    ahead = list(_of_later_commits(server, head))
    after = heads.read(server)
    # A commit meanwhile shows other things than those that were looked at.
    if after.number != head.number:
        return problems_of(server, spec)
    # One that has begun since is none that was lost.
    lines += ahead if after.intent == head.intent else []
    return [f"{server.where}: {line}" for line in lines]


def is_derived_right(hit: Found, chunk: Chunk, spec: StoreSpec) -> bool:
    """Whether a chunk's vector can be compared and its words are those of its metadata."""
    vector = hit.vector
    is_unit = (
        vector is not None
        and vector.shape == (spec.dimension,)
        and abs(float(np.dot(vector, vector)) - 1.0) < _TOLERANCE
    )
    return is_unit and sorted(hit.payload.get("k") or ()) == sorted(words_of(chunk.metadata))


def _of_documents(server: RemoteServer, head: Head, spec: StoreSpec, sums: _Sums) -> Iterator[str]:
    wanted = equals("kind", "document")
    found = sums.whole(visible(server, head, wanted, ("key", "tenant", "record", *_SIZES)), "key")
    if sums.lost:
        yield from _without_texts(server, head, {raw["key"] for raw in found})
    for first in range(0, len(found), _AT_ONCE):
        some = found[first : first + _AT_ONCE]
        keys = [raw["key"] for raw in some]
        chunks: dict[str, list[Found]] = defaultdict(list)
        those = all_of([head.shows(head.number), is_among("doc", keys)])
        for hit in sums.whole(server.scroll(CHUNKS, those, WHOLE, vectors=True), "doc"):
            chunks[hit.payload["doc"]].append(hit)
        names = [state_key(key) for key in keys]
        there = sums.whole(visible_of(server, head, names, ("key", "record")), "key")
        states = {raw["key"]: raw for raw in there}
        for raw in some:
            mine = chunks[raw["key"]]
            sums.n_chunks += len(mine)
            for i, size in enumerate((1, len(mine), sum(hit.payload.get("n") or 0 for hit in mine))):
                sums.of_tenant[raw["tenant"]][i] += size
            yield from _of_document(server, raw, states.get(state_key(raw["key"])), mine, spec)


def _without_texts(server: RemoteServer, head: Head, there: set[str]) -> Iterator[str]:
    """The documents whose own record is lost, as their states tell them."""
    for raw in visible(server, head, equals("kind", "state"), ("key", "record")):
        try:
            state = state_of(raw["record"], server.restore)
        except _UNREADABLE:
            continue  # which is said with its document
        if state.state == "committed" and document_key(state.tenant, state.document_id) not in there:
            yield f"document {state.document_id!r}: its text is lost. {server.restore}; or: {FORGET}"


def _of_document(
    server: RemoteServer,
    raw: dict[str, Any],
    recorded: dict[str, Any] | None,
    hits: list[Found],
    spec: StoreSpec,
) -> Iterator[str]:
    mended = f"{server.restore}; or: {FORGET}"
    try:
        document = document_of(raw["record"], server.restore)
        name = f"document {document.id!r}"
        if document_key(raw["tenant"], document.id) != raw["key"]:
            yield f"{name}: lies under another document's name. {mended}"
        if recorded is None:
            yield f"{name}: its state is lost. {mended}"
            return
        state = state_of(recorded["record"], server.restore)
        if state.state == "committed" and content_hash(document) != state.content_hash:
            yield f"{name}: not what was written. {mended}"
        if len(hits) != state.n_chunks:
            yield f"{name}: {len(hits)} chunks are there, and its state says {state.n_chunks}. {mended}"
        for hit in hits:
            for line in _of_chunk(hit, document, state, spec, server):
                yield f"{name}: {line}"
    except _UNREADABLE as e:
        yield f"a document of tenant {raw.get('tenant')!r} cannot be read ({e}). {mended}"


def _of_chunk(
    hit: Found, document: Document, state: DocumentState, spec: StoreSpec, server: RemoteServer
) -> Iterator[str]:
    chunk = chunk_of(hit.payload, server.restore)
    mended = f"{server.restore}; or: {FORGET}"
    where = f"chunk {chunk.id}"
    if chunk.span.of(document.text) != chunk.text:
        yield f"{where} is not the text at its span. {mended}"
    names = (state.content_hash, state.fingerprint)
    if state.state == "committed" and chunk.id != chunk_id(state.tenant, document.id, *names, chunk.ordinal):
        yield f"{where} has an id that is not its own. {mended}"
    if (chunk.tenant, chunk.acl) != (state.tenant, document.acl):
        yield f"{where} is not of its document's tenant and acl. {mended}"
    terms, counts = hit.payload.get("terms") or [], hit.payload.get("counts") or []
    if len(terms) != len(counts) or sum(counts) != hit.payload.get("n"):
        yield f"{where} has other counts of terms than were written. {mended}"
    if not is_derived_right(hit, chunk, spec):
        yield f"{where} has a vector or words of filters that were not written. {REPAIR}"


def _of_later_commits(server: RemoteServer, head: Head) -> Iterator[str]:
    """What the next commits would take for theirs: it is there where one half is of a later snapshot."""
    known = [*head.burnt, *([head.intent] if head.intent else [])]
    from_later = all_of([in_range("from", gt=head.number, lt=heads.OPEN), none_of(is_among("from", known))])
    to_later = all_of([in_range("to", gt=head.number, lt=heads.OPEN), none_of(is_among("to", known))])
    for place, what in ((CHUNKS, "chunks"), (RECORDS, "records")):
        n = server.count(place, any_of([from_later, to_later]))
        if n:
            yield (
                f"{n} {what} are of commits after the current one, {head.number}: halves of different "
                f"times lie together. {server.restore}, of one time"
            )


def _of_totals(server: RemoteServer, head: Head, sums: _Sums) -> Iterator[str]:
    found = sums.whole(visible(server, head, equals("kind", "totals"), ("key", "tenant", *_SIZES)), "key")
    if sums.lost:
        return  # what is lost is missing from every sum, and is said by itself
    totals = {raw["key"]: [raw[name] for name in _SIZES] for raw in found}
    counted = {totals_key(tenant): sizes for tenant, sizes in sums.of_tenant.items()}
    for key in sorted({*totals, *counted}):
        there, wanted = totals.get(key, [0, 0, 0]), counted.get(key, [0, 0, 0])
        if there != wanted:
            yield (
                f"a tenant's totals are {there} documents, chunks and terms, and {wanted} are there. "
                f"{server.restore}, or ingest again"
            )
    n_chunks = server.count(CHUNKS, head.shows(head.number))
    if n_chunks != sums.n_chunks:
        yield (f"{n_chunks - sums.n_chunks} chunks are of no document. {server.restore}, or ingest again")
