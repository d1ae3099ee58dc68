"""The BM25 index on disk: one file per segment, opened only when its bytes are those that were written."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from ragkit.errors import CorruptIndexError
from ragkit.store.bm25.postings import Postings
from ragkit.store.codec import chunk_from
from ragkit.store.files import PARTIAL, sha256_of, write_new
from ragkit.store.local.manifest import Segment


class SegmentFiles:
    """The postings files of a folder; `analyze` rebuilds those that are lost or damaged."""

    def __init__(self, folder: Path, analyze: Callable[[str], Sequence[str]] | None) -> None:
        self._folder = folder
        self._analyze = analyze
        self._opened: dict[str, Postings] = {}

    def write(self, postings: Postings) -> Segment:
        """Writes a segment under a new name. It is an orphan until the manifest names it."""
        name = f"{postings.first_row:010d}-{secrets.token_hex(8)}.postings"
        self._folder.mkdir(exist_ok=True)
        path = self._folder / name
        checksum = write_new(path, postings.parts())
        n_rows = len(postings.lengths)
        return Segment("postings", postings.first_row, n_rows, name, path.stat().st_size, checksum)

    def open(
        self, segments: Sequence[Segment], db: sqlite3.Connection, *, rebuild: bool = True
    ) -> list[Postings]:
        """The segments, in order of rows; `db` is in the read transaction that named them.

        Raises:
            CorruptIndexError: one is lost or damaged, and it shall not be rebuilt or there is no analyzer.
        """
        opened = {s.file: self._opened.get(s.file) or self._open(s, db, rebuild) for s in segments}
        self._opened = opened
        return [opened[s.file] for s in segments]

    def _open(self, segment: Segment, db: sqlite3.Connection, rebuild: bool) -> Postings:
        path = self._folder / segment.file
        try:
            if sha256_of(path) != segment.checksum:
                raise CorruptIndexError("its bytes are not those that were written")
            return Postings.open(path)
        except (OSError, CorruptIndexError) as e:
            if self._analyze is None or not rebuild:
                raise CorruptIndexError(
                    f"{path}: lost or damaged ({e}). Open the index with its analyzer, which makes it anew "
                    "from the texts, or run: ragkit repair"
                ) from e
            return self.rebuilt(segment, db)

    def rebuilt(self, segment: Segment, db: sqlite3.Connection) -> Postings:
        """The index of a segment's rows, made anew from their texts.

        Raises:
            CorruptIndexError: there is no analyzer.
        """
        if self._analyze is None:
            raise CorruptIndexError(
                f"{self._folder}: its files are made anew from the texts, and the index was opened without "
                "its analyzer. Open it with one"
            )
        return Postings.of([self._analyze(text) for text in self.texts(segment, db)], segment.first_row)

    def texts(self, segment: Segment, db: sqlite3.Connection) -> list[str]:
        """What is indexed and embedded of each position of a segment, in order."""
        rows = db.execute(
            "SELECT id, text, shape, checksum FROM chunks ORDER BY row LIMIT ? OFFSET ?",
            (segment.n_rows, segment.first_row),
        )
        return [chunk_from(i, "", text, shape, crc, ("", ())).search_text for i, text, shape, crc in rows]

    def clean(self, known: set[str]) -> list[str]:
        """Removes what commits that never happened, and merges, left behind; one line per file."""
        removed = []
        if self._folder.exists():
            for path in self._folder.iterdir():
                if path.suffix in (".postings", PARTIAL) and path.name not in known:
                    path.unlink(missing_ok=True)
                    removed.append(f"{path}: removed, as no commit names it")
        return removed
