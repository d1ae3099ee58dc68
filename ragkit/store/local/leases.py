"""Who reads which commit: shared locks on single bytes of a file, which the system frees when a reader dies.

A reader of commit `c` holds the byte at offset `c` for the time of its question. Whoever collects what is
replaced asks the system which bytes are held. Nothing is written, and no reader ever waits.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ragkit.store.files import explain

# Locks of an open file, not of a process: two stores of one process see each other's (fcntl(2), Linux 3.15).
# Elsewhere only the readers of this object are known; one in another process may then be told, by a typed
# error, that its commit is not kept any more.
_SET, _GET = getattr(fcntl, "F_OFD_SETLK", None), getattr(fcntl, "F_OFD_GETLK", None)
_FLOCK = "hhqqi4x"


class Leases:
    """The commits that are being read in a folder.

    >>> import tempfile
    >>> leases = Leases(Path(tempfile.mkdtemp()) / "readers.lock")
    >>> with leases.hold(3):
    ...     leases.oldest(before=7)
    3
    >>> leases.oldest(before=7)
    7
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._handle: int | None = None
        self._closing: Callable[[], object] = lambda: None
        self._process = os.getpid()

    @contextmanager
    def hold(self, commit: int) -> Iterator[None]:
        """Keeps a commit from being collected for the time of a block."""
        self._leave_to_parent()
        with self._lock:
            if self._held[commit] == 0:
                self._set(fcntl.F_RDLCK, commit)
            self._held[commit] += 1
        try:
            yield
        finally:
            # After a fork the block ends twice, and the child has nothing to give back.
            if self._process == os.getpid():
                self._give_back(commit)

    def oldest(self, *, before: int) -> int:
        """The oldest commit below `before` that anybody reads; `before` if nobody reads an older one."""
        self._leave_to_parent()
        with self._lock:
            found = min([c for c in self._held if c < before], default=before)
            while _GET is not None and found > 0:
                handle = self._opened()
                if handle is None:
                    break
                # Own locks do not count here; the system names the first that it finds, which may not be the
                # lowest.
                asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, found, 0)
                kind, _, start, _, _ = struct.unpack(_FLOCK, fcntl.fcntl(handle, _GET, asked))
                if kind == fcntl.F_UNLCK:
                    break
                found = start
            return found

    def close(self) -> None:
        """Gives up all that is held."""
        self._leave_to_parent()
        with self._lock:
            self._closing()
            self._handle = None
            self._held.clear()

    def _give_back(self, commit: int) -> None:
        with self._lock:
            if not self._held[commit]:
                return  # closed meanwhile
            self._held[commit] -= 1
            if self._held[commit] == 0:
                del self._held[commit]
                self._set(fcntl.F_UNLCK, commit)

    def _set(self, kind: int, commit: int) -> None:
        handle = self._opened() if _SET is not None else None
        if handle is not None and _SET is not None:
            fcntl.fcntl(handle, _SET, struct.pack(_FLOCK, kind, os.SEEK_SET, commit, 1, 0))

    def _opened(self) -> int | None:
        if self._handle is None:
            try:
                self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError as e:
                if e.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                    raise explain(e, self._path.parent) from e
                self._handle = self._opened_to_read()
            if self._handle is not None:
                # One that nobody closed is closed when the last reference to it goes.
                self._closing = weakref.finalize(self, os.close, self._handle)
        return self._handle

    def _opened_to_read(self) -> int | None:
        """A shared lock needs no right to write. Without the file nobody has ever written here."""
        try:
            return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None

    def _leave_to_parent(self) -> None:
        """After a fork: what is held, and a lock that a thread of the parent held, stay with it."""
        if self._process != os.getpid():
            self._closing()
            self._handle, self._held, self._lock = None, Counter(), threading.Lock()
            self._process = os.getpid()
