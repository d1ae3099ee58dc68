"""Durable writes: a file is either not there or complete, whatever happens to the process or the power."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ragkit.errors import StoreError, TransientStoreError
from ragkit.failpoints import reach

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
PARTIAL = ".partial"
_BLOCK = 1 << 20


def write_new(path: Path, parts: Iterable[bytes | memoryview]) -> str:
    """Writes a new file and gives its SHA-256. It appears under `path` only when its bytes are on disk."""

    def fill(write: Callable[[bytes | memoryview], object]) -> None:
        for part in parts:
            write(part)

    return write_filled(path, fill)


def write_filled(path: Path, fill: Callable[[Callable[[bytes | memoryview], object]], None]) -> str:
    """As `write_new`; `fill` hands the bytes to the function that it is given."""
    digest = hashlib.sha256()
    partial = path.with_name(path.name + PARTIAL)
    with partial.open("wb") as file:
        reach("file.created")

        def write(part: bytes | memoryview) -> None:
            file.write(part)
            digest.update(part)

        fill(write)
        file.flush()
        reach("file.written")
        os.fsync(file.fileno())
        reach("file.synced")
    partial.replace(path)
    reach("file.renamed")
    sync_folder(path.parent)
    reach("file.named")
    return digest.hexdigest()


def write_at(path: Path, offset: int, data: bytes | memoryview) -> str:
    """Writes `data` behind the known `offset` bytes of a growing file and gives the SHA-256 of `data`.

    What lies behind `offset` was left by a commit that never happened: nobody knows of it.
    """
    created = not path.exists()
    with path.open("wb" if created else "r+b") as file:
        file.truncate(offset)
        reach("append.cut")
        file.seek(offset)
        half = len(data) // 2
        file.write(data[:half])
        file.flush()
        reach("append.half")
        file.write(data[half:])
        file.flush()
        reach("append.written")
        os.fsync(file.fileno())
        reach("append.synced")
    if created:
        sync_folder(path.parent)
    return hashlib.sha256(data).hexdigest()


def sha256_of(path: Path, start: int = 0, length: int | None = None) -> str:
    """SHA-256 of a file, or of `length` bytes of it from `start`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(start)
        left = length
        while left is None or left > 0:
            block = file.read(_BLOCK if left is None else min(_BLOCK, left))
            if not block:
                break
            digest.update(block)
            left = None if left is None else left - len(block)
    return digest.hexdigest()


def sync_folder(path: Path) -> None:
    """Puts a folder's entries on disk, so that a renamed file is still there after a power loss."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def files_in(folder: Path) -> Iterator[os.stat_result]:
    """What the system says of each file in a folder and those within it.

    Files and folders that go while they are looked at are left out.
    """
    for within, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                info = Path(within, name).stat()
                if stat.S_ISREG(info.st_mode):
                    yield info


def size_of(folder: Path) -> int:
    """The bytes of all files in a folder, as far as they are there when they are looked at."""
    return sum(info.st_size for info in files_in(folder))


def explain(error: OSError, folder: Path) -> StoreError:
    """Our error for one of the system's while a folder was written, with what mends it."""
    said = error.strerror or error
    if error.errno in _FULL:
        return TransientStoreError(f"{folder}: the disk failed or is full ({said}). Free space and try again")
    return StoreError(f"{folder}: cannot be written to ({said}). Check that it is there, and its permissions")
