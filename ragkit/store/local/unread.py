"""Which chunks nothing is kept of that a reranker read in them, or nothing of use."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

from ragkit.store.codec import chunk_from
from ragkit.store.local.readings import KeptReadings
from ragkit.types import Chunk

_AT_ONCE = 256
_OPEN = 4611686018427387904  # the end of a chunk that has none


def unread(
    db: sqlite3.Connection,
    kept: KeptReadings,
    is_sound: Callable[[bytes, Chunk], bool] | None,
    *,
    mark: bytes = b"",
) -> Iterator[list[Chunk]]:
    """Chunks of the current commit, of all tenants, some at a time; whose they are is left out.

    Args:
        db: the manifest.
        kept: what is kept.
        is_sound: whether a reading is of use; None: any is that begins with `mark`, and none is looked at.
        mark: of the model, 8 bytes; or none, for any.

    Raises:
        CorruptIndexError: a chunk's record is damaged.
    """
    known = kept.ids(mark) if is_sound is None else frozenset[bytes]()
    rows = db.execute(f"SELECT id, text, shape, checksum FROM chunks WHERE to_commit = {_OPEN} ORDER BY row")  # noqa: S608
    while some := rows.fetchmany(_AT_ONCE):
        chunks = [
            chunk_from(identity, "", text, shape, checksum, ("", ()))
            for identity, text, shape, checksum in some
            if identity not in known
        ]
        if is_sound is not None:
            found = kept.get([chunk.id for chunk in chunks])
            chunks = [
                chunk
                for chunk, reading in zip(chunks, found, strict=True)
                if reading is None or not is_sound(reading, chunk)
            ]
        if chunks:
            yield chunks
