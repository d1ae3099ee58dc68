"""What is derived from the manifest, made anew from it: postings by analysis, vectors by the model.

A damaged file of the dense index is let go: who opens the index next builds it from the vectors.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ragkit.protocols import Vectors
from ragkit.store.changes import checked_vectors
from ragkit.store.files import PARTIAL, explain, write_new
from ragkit.store.local.dense_files import DENSE
from ragkit.store.local.manifest import Segment, read_head, read_segments
from ragkit.store.local.transaction import replace_segments
from ragkit.store.local.verify import (
    damage_of_postings,
    damage_of_vectors,
    damaged_dense,
    gaps,
    problems_of_manifest,
)
from ragkit.store.local.write import Writer

Embed = Callable[[Sequence[str]], Vectors]
_BATCH = 256


def repair_folder(writer: Writer, embed: Embed | None) -> list[str]:
    """Makes damaged postings and vectors anew, and removes orphans and damaged files of the dense index.

    Gives one line per file mended. Nothing is derived from a damaged manifest. Each kind of file is on disk
    under its name before one transaction of the manifest vouches for it, so a repair that dies is repeated.

    Args:
        writer: of the folder; its segments with an analyzer.
        embed: texts to unit vectors, shape `[n, d]`, by the model of the index; None leaves vectors as
            they are.

    Raises:
        StoreError: another process is writing, or the folder cannot be written to.
        CorruptIndexError: the manifest cannot be read, or postings are damaged and there is no analyzer.
    """
    folder = writer.folder
    with writer.lock, writer.manifest.reading() as db:
        try:
            if problems_of_manifest(db, writer.manifest.path):
                return []
            repaired = _mend_last_commit(writer, db)
            repaired += _mend_postings(writer, db, folder)
            if embed is not None:
                repaired += _mend_vectors(writer, db, folder, embed)
            repaired += _drop_dense(db, folder)
            return repaired + writer.clean(read_head(db), read_segments(db))
        except OSError as e:
            raise explain(e, folder) from e


def _mend_last_commit(writer: Writer, db: sqlite3.Connection) -> list[str]:
    last, number = writer.last_commit, read_head(db).number
    reported = last.read()
    if reported <= number and last.is_readable:
        return []
    last.renew(number)
    lost = f": commits {number + 1} to {reported} are lost, ingest again" if reported > number else ""
    return [f"{last.path}: commit {number} is taken for the last one{lost}"]


def _mend_postings(writer: Writer, db: sqlite3.Connection, folder: Path) -> list[str]:
    head = read_head(db)
    known = [s for s in read_segments(db) if s.kind == "postings"]
    if any(True for _ in gaps(known, head.n_rows)):
        damaged, wanted = known, [Segment("postings", 0, head.n_rows, "", 0, "")] if head.n_rows else []
    else:
        damaged = wanted = [s for s in known if damage_of_postings(s, folder)]
    fresh = [writer.segments.write(writer.segments.rebuilt(segment, db)) for segment in wanted]
    if damaged or fresh:
        replace_segments(db, head, damaged, fresh)
    return [
        f"{folder / 'postings' / s.file}: rows {s.first_row} to {s.first_row + s.n_rows} indexed anew"
        for s in fresh
    ]


def _mend_vectors(writer: Writer, db: sqlite3.Connection, folder: Path, embed: Embed) -> list[str]:
    head, dimension = read_head(db), writer.dimension
    path = writer.vectors(head.generation).path
    segments = read_segments(db)
    known = [s for s in segments if s.kind == "vectors"]
    damaged = [s for s in known if damage_of_vectors(s, folder, dimension)]
    if not damaged or any(True for _ in gaps(known, head.n_rows)):
        return []
    fresh: list[Segment] = []

    def parts() -> Iterator[bytes]:
        for segment in known:
            if segment in damaged:
                data = _embedded(writer, db, segment, embed)
                digest = hashlib.sha256(data).hexdigest()
                fresh.append(replace(segment, file=path.name, n_bytes=len(data), checksum=digest))
            else:
                with path.open("rb") as file:
                    file.seek(segment.first_row * dimension * 4)
                    data = file.read(segment.n_bytes)
            yield data

    # A new file under the old name: who reads the old one goes on reading it.
    try:
        write_new(path, parts())
    finally:
        path.with_name(path.name + PARTIAL).unlink(missing_ok=True)
    # A model may give other numbers than it gave then, and the dense index was built over those.
    outdated = [s for s in segments if s.kind == DENSE]
    replace_segments(db, head, [*damaged, *outdated], fresh)
    return [f"{path}: rows {s.first_row} to {s.first_row + s.n_rows} embedded anew" for s in fresh]


def _drop_dense(db: sqlite3.Connection, folder: Path) -> list[str]:
    head = read_head(db)
    damaged = [segment for segment, _ in damaged_dense(read_segments(db), folder, head.n_rows)]
    if damaged:
        replace_segments(db, head, damaged, ())
    return [f"{folder / DENSE / s.file}: dropped, it is built anew when the index is opened" for s in damaged]


def _embedded(writer: Writer, db: sqlite3.Connection, segment: Segment, embed: Embed) -> bytes:
    texts = writer.segments.texts(segment, db)
    batches = [embed(texts[i : i + _BATCH]) for i in range(0, len(texts), _BATCH)]
    vectors = checked_vectors(np.concatenate(batches), writer.dimension, "vectors made anew")
    return np.ascontiguousarray(vectors, dtype="<f4").tobytes()
