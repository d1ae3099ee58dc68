"""One process at a time: a lock on a file, which the system frees when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ragkit.errors import EvalError, RagkitError


@contextmanager
def locked(
    path: Path,
    *,
    wait: bool,
    waiting: Callable[[], object] = bool,
    refusal: Callable[[str], RagkitError] | None = None,
) -> Iterator[None]:
    """Holds the lock for the time of the block.

    Args:
        path: the file; it is made, and stays unless the holder removes it.
        wait: whether to wait for another holder, or to refuse.
        waiting: called before it waits.
        refusal: makes the error of a refusal from who holds it, such as `process 4711`.

    Raises:
        EvalError: another process holds it, and there is no `refusal`; or the file cannot be made or
            locked.
    """
    handle = _opened(path)
    try:
        _take(handle, path, wait=wait, waiting=waiting, refusal=refusal)
        # A holder that was done may have removed the file since it was opened: its lock bars nobody.
        while not _is_at(handle, path):
            other = _opened(path)
            os.close(handle)
            handle = other
            _take(handle, path, wait=wait, waiting=waiting, refusal=refusal)
        # For people only: the lock itself is the system's, so a dead holder leaves it free.
        with suppress(OSError):
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"process {os.getpid()}".encode(), 0)
        yield
        # So that the folders of two runs that gave the same are the same.
        with suppress(OSError):
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as e:
        raise EvalError(f"{path}: cannot be written to: {e}") from e


def _take(
    handle: int,
    path: Path,
    *,
    wait: bool,
    waiting: Callable[[], object],
    refusal: Callable[[str], RagkitError] | None,
) -> None:
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            if not wait:
                holder = os.pread(handle, 64, 0).decode(errors="replace").strip() or "another process"
                raise (refusal or _refusal(path))(holder) from e
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as e:  # some file systems of other machines know no locks
        raise EvalError(f"{path}: cannot be locked: {e}") from e


def _refusal(path: Path) -> Callable[[str], EvalError]:
    return lambda holder: EvalError(
        f"{path.parent}: {holder} is writing its outcomes there. Wait until it is done, stop it, or run into "
        "another folder"
    )


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
