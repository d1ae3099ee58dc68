"""The number of the last commit that was reported as done, kept outside of the manifest.

SQLite takes a damaged end of its log for one that was never written, and so goes back to an older commit
without a word. This file remembers better: a manifest that is behind it has lost something.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path

from ragkit.errors import CorruptIndexError
from ragkit.store.files import sync_folder

LAST_COMMIT = "last-commit"  # the name of the file
_SLOT_BYTES = 32


class LastCommit:
    """Two records that are written in turn, so that one of them is whole whenever the process dies.

    >>> import tempfile
    >>> last = LastCommit(Path(tempfile.mkdtemp()) / "last-commit")
    >>> last.write(7)
    >>> last.read()
    7
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def is_readable(self) -> bool:
        """Whether a record is what was written; the other one may have been cut off by a crash."""
        return self._records() != [None, None]

    def read(self) -> int:
        """The number; 0 where no record can be read. Read it before the manifest: then it is not ahead."""
        return max((number for number in self._records() if number is not None), default=0)

    def write(self, number: int) -> None:
        """Records a number. It is on disk when this returns.

        Raises:
            OSError: it cannot be written.
        """
        is_new = not self.path.exists()
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            for slot in (0, 1) if is_new else (number % 2,):
                os.pwrite(handle, _record(number), slot * _SLOT_BYTES)
            os.fsync(handle)
        finally:
            os.close(handle)
        if is_new:
            sync_folder(self.path.parent)

    def renew(self, number: int) -> None:
        """Makes the file anew.

        Raises:
            OSError: it cannot be written.
        """
        self.path.unlink(missing_ok=True)
        self.write(number)

    def problem(self, reported: int, number: int) -> str | None:
        """What is wrong where `reported` was read here and the manifest then said `number`; else None."""
        if reported <= number:
            return None
        return (
            f"{self.path.parent}: commit {reported} was reported as done, and the manifest is at commit "
            f"{number}: its log (manifest.sqlite-wal) was damaged or removed. Restore the folder from a "
            f"copy, or run ragkit repair, which takes commit {number} for the last one, and ingest again"
        )

    def check(self, reported: int, number: int) -> None:
        """Refuses a manifest that has lost commits.

        Raises:
            CorruptIndexError: it has.
        """
        problem = self.problem(reported, number)
        if problem is not None:
            raise CorruptIndexError(problem)

    def _records(self) -> list[int | None]:
        try:
            data = self.path.read_bytes()
        except OSError:
            return [None, None]
        return [_number(data[at : at + _SLOT_BYTES]) for at in (0, _SLOT_BYTES)]


def _record(number: int) -> bytes:
    text = f"{number:020d}".encode()
    return text + f" {zlib.crc32(text):08x}\n".encode().rjust(_SLOT_BYTES - len(text), b" ")


def _number(record: bytes) -> int | None:
    text = record[:20]
    return int(text) if text.isdigit() and record == _record(int(text)) else None
