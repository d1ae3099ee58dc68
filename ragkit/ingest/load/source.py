"""One source file: its identity, where it lies, and its bytes under a size limit."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from ragkit.errors import DocumentError
from ragkit.ingest.load.walk import unreadable

MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was found, or a place where a file was expected and cannot be read.

    Args:
        id: the document's id: its path below the root, with forward slashes on every system.
        uri: the path from the name of the root folder on, shown with citations; bytes of it that are not
            UTF-8 are written as escapes.
        path: where to read it.
        problem: why it cannot be read; None for a file that can. `read` raises it as a `DocumentError`,
            so that every place found is counted once, in the same stream.
        n_bytes: its size when it was found.
        origin: the absolute path of the root; None where it cannot be written as text.

    >>> SourceFile("guide/a.md", uri="docs/guide/a.md", path=Path("docs/guide/a.md")).extension
    '.md'
    """

    id: str
    uri: str = field(kw_only=True)
    path: Path = field(kw_only=True)
    problem: str | None = field(default=None, kw_only=True)
    n_bytes: int = field(default=0, kw_only=True)
    origin: str | None = field(default=None, kw_only=True)

    @property
    def extension(self) -> str:
        """The last suffix in lower case with its dot, or an empty string."""
        return self.path.suffix.lower()

    def read(self, max_bytes: int = MAX_BYTES) -> bytes:
        """The file's bytes.

        Raises:
            DocumentError: it cannot be read, is larger than `max_bytes`, or changed while it was read.
        """
        if self.problem is not None:
            raise DocumentError(self.problem, stage="load", rejected=True)
        try:
            return self._read(max_bytes)
        except OSError as e:
            raise DocumentError(f"{self.uri} {unreadable(e)}", stage="load", rejected=True) from e

    def _read(self, max_bytes: int) -> bytes:
        # O_NONBLOCK: a FIFO put in the file's place after discovery must not block the whole run.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(self.path, flags)
        with os.fdopen(descriptor, "rb") as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise DocumentError(
                    f"{self.uri} is not a regular file: leave it out", stage="load", rejected=True
                )
            if before.st_size > max_bytes:
                raise DocumentError(
                    _too_large(self.uri, before.st_size, max_bytes), stage="load", rejected=True
                )
            data = file.read(max_bytes + 1)
            after = os.fstat(file.fileno())
        if len(data) != before.st_size or after.st_mtime_ns != before.st_mtime_ns:
            reason = f"{self.uri} changed while it was read; ingest it again when it is written completely"
            raise DocumentError(reason, stage="load")
        return data


def _too_large(uri: str, size: int, limit: int) -> str:
    return (
        f"{uri} has {size:,} bytes, more than the limit of {limit:,}. "
        "Split it into smaller files, or raise the limit with max_bytes"
    )
