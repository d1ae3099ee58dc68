"""Upkeep of the files of words: written for many chunks at once, joined as they become many.

What was written since the last file is read from the table, so that a commit writes no file of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ragkit.failpoints import reach
from ragkit.store.bm25.keep import keep
from ragkit.store.bm25.postings import Postings, merge, n_to_merge
from ragkit_connectors.lancedb.records import GENERATION, ROWS, Records, WordFile, WordsNamed
from ragkit_connectors.lancedb.table import ChunkTable
from ragkit_connectors.lancedb.word_files import WordFiles, read_words

# While more are written, the words of the newest chunks are in no file: so many, or a part of the others. Who
# opens the index meanwhile reads them from the table, in a tenth of a second for 10,000.
_LONGEST_TAIL, _PART = 8_192, 0.5


class Words:
    """What a writer does with the files. All changes are made while the table is locked."""

    def __init__(self, folder: Path, where: str, records: Records, table: ChunkTable) -> None:
        self._where, self._records, self._table = where, records, table
        self.files = WordFiles(folder, where)

    def tidy(self) -> None:
        """Writes a file where many chunks are in none."""
        named = self._records.words()
        if named.next_row - named.end >= max(_LONGEST_TAIL, _PART * named.end):
            self.extend()

    def extend(self) -> None:
        """Writes the words of all chunks that are in no file, and again those of damaged files.

        Raises:
            StoreError: a file cannot be written.
        """
        with self._table.locked():
            named = self._records.words()
            files, held = list[WordFile](), list[Postings]()
            for file in named.files:
                own = self.files.read(file)
                held.append(own or self._made(file.first_row, file.end))
                files.append(file if own is not None else self.files.write(held[-1]))
            if named.next_row > named.end:
                some = self._made(named.end, named.next_row)
                n = n_to_merge([own.n_postings for own in held], some.n_postings)
                joined = merge([*held[len(held) - n :], some]) if n else some
                files[len(files) - n :] = [self.files.write(joined)]
            if tuple(files) == named.files:
                return
            reach("words.written")
            self._records.name_words(files)
            reach("words.named")
            self.files.clean(files)

    def anew(self, copied: NDArray[np.int64], generation: int) -> Callable[[], None]:
        """Writes the files for a table that was copied, the rows `copied` of which are numbered from 0 on.

        Args:
            copied: the old numbers, ascending.
            generation: of the new table.

        Returns:
            What makes table and files the current ones, in one step.
        """
        named = self._records.words()
        stays = np.zeros(named.next_row, dtype=bool)
        stays[copied] = True
        first, files = 0, list[WordFile]()

        def take(begin: int, end: int, known: Postings | None) -> None:
            nonlocal first
            flags = stays[begin:end]
            if flags.any():
                files.append(self.files.write(keep(known or self._made(begin, end), flags, first)))
                first += int(np.count_nonzero(flags))

        for file in named.files:
            take(file.first_row, file.end, self.files.read(file))
        take(named.end, named.next_row, None)
        reach("words.written")
        marks = {GENERATION: generation, ROWS: len(copied)}
        return partial(self._records.name_words, files, **marks)

    def clean(self) -> None:
        """Removes files that are not named."""
        self.files.clean(self._records.words().files)

    def problems(self) -> list[str]:
        """One line per file that is lost, damaged, or says other words than the table does."""
        named = self._records.words()
        lines = []
        for file in named.files:
            own = self.files.read(file)
            if own is None:
                what = "is lost or damaged; questions read the table instead, which is slow"
            elif not self._says(own, file, named):
                what = "says other words than the table"
            else:
                continue
            lines.append(f"{self._where}: words/{file.name} {what}. Run: ragkit repair")
        return lines

    def rebuild(self) -> int:
        """Writes those of which `problems` tells anew; how many."""
        with self._table.locked():
            named = self._records.words()
            files, n = list[WordFile](), 0
            for file in named.files:
                own = self.files.read(file)
                if own is None or not self._says(own, file, named):
                    n += 1
                    file = self.files.write(self._made(file.first_row, file.end))
                files.append(file)
            if n:
                self._records.name_words(files)
                self.files.clean(files)
            return n

    def _says(self, own: Postings, file: WordFile, named: WordsNamed) -> bool:
        """Whether a file says of each chunk that the table holds what the table says."""
        made = self._made(file.first_row, file.end)
        if self._records.words() != named:
            return True  # it was replaced meanwhile
        there = made.lengths > 0
        ours, theirs = (keep(postings, there, file.first_row) for postings in (own, made))
        return all(
            np.array_equal(getattr(ours, name), getattr(theirs, name))
            for name in ("words", "word_ends", "ends", "rows", "counts", "lengths")
        )

    def _made(self, first_row: int, end: int) -> Postings:
        return self._table.read(partial(read_words, first_row=first_row, end=end))
