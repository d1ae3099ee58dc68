"""One writer at a time: an advisory lock on a file, which the system frees when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from ragkit.errors import StoreError, TransientStoreError
from ragkit.failpoints import reach
from ragkit.store.files import explain


class WriterLock:
    """The right to write a folder. Reentrant within a thread; other threads of the process wait for it.

    >>> import tempfile
    >>> with WriterLock(Path(tempfile.mkdtemp()) / "writer.lock") as lock:
    ...     lock.is_held
    True
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = threading.RLock()
        self._depth = 0
        self._handle: int | None = None
        self._process = os.getpid()

    @property
    def is_held(self) -> bool:
        """Whether this process holds it."""
        return self._depth > 0 and self._process == os.getpid()

    @contextlib.contextmanager
    def attempt(self) -> Iterator[bool]:
        """Whether it could be taken at once, without waiting for anybody; held for the time of the block."""
        if self._process != os.getpid():
            self._leave_to_parent()
        if not self._threads.acquire(blocking=False):
            yield False
            return
        with contextlib.ExitStack() as held:
            held.callback(self._threads.release)
            try:
                held.enter_context(self)
                is_taken = True
            except StoreError:
                is_taken = False
            yield is_taken

    def __enter__(self) -> WriterLock:
        if self._process != os.getpid():
            self._leave_to_parent()
        self._threads.acquire()
        if self._depth == 0:
            try:
                self._handle = self._take()
            except BaseException:
                self._threads.release()
                raise
        self._depth += 1
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process != os.getpid():
            return  # forked within the block: it is the parent's to end
        self._depth -= 1
        if self._depth == 0 and self._handle is not None:
            # Said explicitly: a child that was forked meanwhile has the file open too.
            fcntl.flock(self._handle, fcntl.LOCK_UN)
            os.close(self._handle)
            self._handle = None
        self._threads.release()

    def _leave_to_parent(self) -> None:
        """After a fork: what is held, and the right to it, stay with the parent."""
        if self._handle is not None:
            os.close(self._handle)
        self._threads, self._depth, self._handle = threading.RLock(), 0, None
        self._process = os.getpid()

    def _take(self) -> int:
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as e:
            raise explain(e, self._path.parent) from e
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            holder = os.read(handle, 64).decode(errors="replace").strip() or "another process"
            os.close(handle)
            raise TransientStoreError(
                f"{self._path.parent}: {holder} is writing to this index, and an index has one writer. "
                "Wait until it is done, or stop it; reading goes on meanwhile"
            ) from e
        except OSError as e:
            os.close(handle)
            raise explain(e, self._path.parent) from e
        # The pid is for people only: the lock itself is the system's, so a dead holder leaves it free.
        with contextlib.suppress(OSError):
            os.ftruncate(handle, 0)
            os.write(handle, f"process {os.getpid()}".encode())
        reach("lock.taken")
        return handle
