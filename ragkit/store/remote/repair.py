"""What is derived from the chunks, made anew: vectors by the model, words of filters from the metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ragkit.errors import CorruptIndexError
from ragkit.protocols import Vectors
from ragkit.store.changes import checked_vectors
from ragkit.store.remote.head import Head
from ragkit.store.remote.lease import WriterLease
from ragkit.store.remote.points import chunk_of
from ragkit.store.remote.server import CHUNKS, Found, Point, RemoteServer
from ragkit.store.remote.verify import WHOLE, is_derived_right
from ragkit.store.remote.words import point_id, ranges_of, words_of
from ragkit.store.remote.write import clean, settled
from ragkit.store_spec import StoreSpec
from ragkit.types import Chunk

Embed = Callable[[Sequence[str]], Vectors]
_AT_ONCE = 64


def repaired(server: RemoteServer, lease: WriterLease, spec: StoreSpec, embed: Embed | None) -> list[str]:
    """Settles what an unfinished commit left, and writes damaged chunks again; one line per thing mended.

    Raises:
        StoreError: the server refuses, or somebody else is writing.
    """
    head = settled(server, lease)
    clean(server, head)
    server.settle()
    n = 0
    damaged: list[tuple[Found, Chunk]] = list(_damaged(server, head, spec))
    for first in range(0, len(damaged) if embed else 0, _AT_ONCE):
        some = damaged[first : first + _AT_ONCE]
        assert embed is not None
        vectors = embed([chunk.search_text for _, chunk in some])
        checked_vectors(vectors, spec.dimension, "vectors made anew")
        lease.keep()
        points = [_point(hit, chunk, vector) for (hit, chunk), vector in zip(some, vectors, strict=True)]
        server.write(CHUNKS, points, replace=True)
        n += len(points)
    server.settle()
    return [f"{server.where}: {n} chunks embedded and indexed anew"] if n else []


def _damaged(server: RemoteServer, head: Head, spec: StoreSpec) -> Iterator[tuple[Found, Chunk]]:
    for hit in server.scroll(CHUNKS, head.shows(head.number), WHOLE, vectors=True):
        try:
            chunk = chunk_of(hit.payload, server.restore)
        except CorruptIndexError:
            continue  # which `verify` says, and nothing here mends
        if not is_derived_right(hit, chunk, spec):
            yield hit, chunk


def _point(hit: Found, chunk: Chunk, vector: Vectors) -> Point:
    payload = {**hit.payload, "k": words_of(chunk.metadata), "r": ranges_of(chunk.metadata)}
    return Point(point_id(chunk.id, str(hit.payload["from"])), payload=payload, vector=vector)
