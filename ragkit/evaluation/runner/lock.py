"""One process at a time: a lock on a file, which the system frees when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ragkit.errors import EvalError


@contextmanager
def locked(path: Path, *, wait: bool, waiting: Callable[[], object] = bool) -> Iterator[None]:
    """Holds the lock for the time of the block.

    Args:
        path: the file; it is made, and stays.
        wait: whether to wait for another holder, or to refuse.
        waiting: called before it waits.

    Raises:
        EvalError: another process holds it, or the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as e:
        raise EvalError(f"{path}: cannot be written to: {e}") from e
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            if not wait:
                raise EvalError(
                    f"{path.parent}: another process is writing its outcomes there. Wait until it is done, "
                    "stop it, or run into another folder"
                ) from e
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
