"""Which chunk holds which word: immutable files beside the table, mapped into memory and not read whole.

All of it can be made again from the table, so nothing depends on a file: what is missing or damaged is read
from the table, and written again with the next upkeep.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import CorruptIndexError
from ragkit.store.bm25.postings import Postings
from ragkit.store.files import PARTIAL, sha256_of, sync_folder, write_new
from ragkit_connectors.lancedb.errors import explain
from ragkit_connectors.lancedb.records import WordFile
from ragkit_connectors.lancedb.rows import ROW

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER, SUFFIX = "words", ".postings"
_MOST_ROWS = 50_000  # of which the words are in memory as Arrow has them


class WordFiles:
    """The files of a folder.

    Args:
        folder: of the index.
        where: which index is meant, for people.
    """

    def __init__(self, folder: Path, where: str) -> None:
        self._folder, self._where = folder / FOLDER, where
        self._opened: dict[str, Postings] = {}

    def write(self, postings: Postings) -> WordFile:
        """Writes a file under a new name. It is an orphan until the records name it.

        Raises:
            StoreError: it cannot be written.
        """
        name = f"{postings.first_row:010d}-{secrets.token_hex(8)}{SUFFIX}"
        try:
            self._folder.mkdir(exist_ok=True)
            checksum = write_new(self._folder / name, postings.parts())
        except OSError as e:
            raise explain(e, self._where) from e
        return WordFile(name, postings.first_row, len(postings.lengths), checksum)

    def read(self, named: WordFile) -> Postings | None:
        """What a file holds; None where it is lost or not what was written."""
        known = self._opened.get(named.name)
        if known is None:
            path = self._folder / named.name
            try:
                if sha256_of(path) != named.checksum:
                    return None
                known = Postings.open(path)
            except (OSError, CorruptIndexError):
                return None
            if (known.first_row, len(known.lengths)) != (named.first_row, named.n_rows):
                return None
            self._opened[named.name] = known
        return known

    def keep(self, named: Iterable[WordFile]) -> None:
        """Lets go of all other files that were opened."""
        names = {file.name for file in named}
        self._opened = {name: known for name, known in self._opened.items() if name in names}

    def clean(self, named: Iterable[WordFile]) -> None:
        """Removes all other files.

        Raises:
            StoreError: one cannot be removed.
        """
        self.keep(named)
        names = {file.name for file in named}
        if not self._folder.exists():
            return
        try:
            for path in self._folder.iterdir():
                if path.suffix in (SUFFIX, PARTIAL) and path.name not in names:
                    path.unlink(missing_ok=True)
            sync_folder(self._folder)
        except OSError as e:
            raise explain(e, self._where) from e


async def read_words(table: Any, first_row: int, end: int) -> Postings:
    """The words of the chunks with numbers from `first_row` to before `end`, as the table has them."""
    parts: list[tuple[NDArray[np.int64], ...]] = []
    codes: dict[str, int] = {}
    lengths = np.zeros(end - first_row, dtype=np.int32)
    for first in range(first_row, end, _MOST_ROWS):
        wanted = f"{ROW} >= {first:d} AND {ROW} < {min(end, first + _MOST_ROWS):d}"
        found = await table.query().select([ROW, "n", "terms", "counts"]).where(wanted).to_arrow()
        if found.num_rows:
            found = found.sort_by(ROW)
            rows = found.column(ROW).to_numpy() - first_row
            lengths[rows] = found.column("n").to_numpy()
            parts.append(_counted(found, rows, codes))
    code, row, count = (np.concatenate([np.zeros(0, dtype=np.int64), *some]) for some in _turned(parts))
    return Postings.counted(
        list(codes), code, row.astype(np.int32), count.astype(np.int32), lengths=lengths, first_row=first_row
    )


def _turned(parts: list[tuple[NDArray[np.int64], ...]]) -> list[list[NDArray[np.int64]]]:
    return [[part[i] for part in parts] for i in range(3)]


def _counted(
    found: pa.Table, rows: NDArray[np.int64], codes: dict[str, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Word, row and count of each occurrence in some rows; new words get the next codes."""
    import pyarrow.compute as pc

    terms = found.column("terms").combine_chunks()
    encoded = terms.flatten().dictionary_encode()
    own = [codes.setdefault(term, len(codes)) for term in encoded.dictionary.to_pylist()]
    code = np.array(own, dtype=np.int64)[encoded.indices.to_numpy(zero_copy_only=False)]
    counts = found.column("counts").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return code, rows[pc.list_parent_indices(terms).to_numpy()], counts.astype(np.int64)
