"""Passages of which nothing of use is kept that the graph's reranker read in them: counted, and read.

So it is with an index of before there was a reranker in its graph, with one whose reranker was changed, and
where a reading was damaged. The last are not counted, for that every reading would have to be looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ragkit.protocols import PassageReader
from ragkit.store.abilities import RereadingStore
from ragkit.store.collection import StoreCollection
from ragkit.text.language import UNDETERMINED
from ragkit.types import Chunk


def n_unread(collection: StoreCollection, reader: PassageReader | None) -> int | None:
    """How many passages nothing is kept of; None where none are read at ingestion, or the store cannot tell.

    Damaged ones are not found by this: they are read when they are asked for.
    """
    store = collection.store
    if reader is None or not isinstance(store, RereadingStore) or not reader.reads_with(collection.embedder):
        return None
    return sum(len(_judged(chunks, reader)) for chunks in store.unread(mark=reader.mark))


def reread(collection: StoreCollection, reader: PassageReader | None) -> int:
    """Reads the passages of which nothing of use is kept, and keeps it; how many they were.

    Raises:
        StoreError: another process is writing.
        ModelError: the reranker failed.
    """
    store = collection.store
    if reader is None or not isinstance(store, RereadingStore) or not reader.reads_with(collection.embedder):
        return 0
    n_read = sum(_reread(store, chunks, reader, collection) for chunks in _unsound(store, reader))
    if n_read and n_unread(collection, reader):
        # The file turned out to be damaged on the way, and was begun anew without what was in it.
        n_read += sum(_reread(store, chunks, reader, collection) for chunks in _unsound(store, reader))
    return n_read


def _unsound(store: RereadingStore, reader: PassageReader) -> Iterator[Sequence[Chunk]]:
    for chunks in store.unread(lambda reading, chunk: reader.serves(reading, chunk.search_text)):
        if judged := _judged(chunks, reader):
            yield judged


def _reread(
    store: RereadingStore, chunks: Sequence[Chunk], reader: PassageReader, collection: StoreCollection
) -> int:
    texts = [chunk.search_text for chunk in chunks]
    _, readings = reader.embed_and_read(texts, collection.embedder)
    is_kept = store.keep_readings(
        {chunk.id: reading for chunk, reading in zip(chunks, readings, strict=True)}
    )
    return len(chunks) if is_kept else 0


def _judged(chunks: Sequence[Chunk], reader: PassageReader) -> list[Chunk]:
    """Those in languages that the reranker judges: the others are left unread at ingestion too."""
    known = reader.languages | {UNDETERMINED}
    return [chunk for chunk in chunks if not reader.languages or chunk.lang in known]
