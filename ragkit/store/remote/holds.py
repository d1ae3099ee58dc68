"""Who reads which commit: a record beside the documents for each commit that a process reads.

A process that dies leaves its records behind; they count until their time is over.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from ragkit.errors import StoreError
from ragkit.store.remote.conditions import all_of, equals, in_range
from ragkit.store.remote.head import Head
from ragkit.store.remote.server import RECORDS, Point, ReadOnlyError, RemoteServer
from ragkit.store.remote.words import point_id

HELD_S = 600  # for how long at most a commit is kept for one reader
_MARGIN_S = 120  # before its end, for clocks that differ and calls that take their time


class Holds:
    """The commits that this process reads, and the oldest that anybody reads."""

    def __init__(self, server: RemoteServer) -> None:
        self._server = server
        self._begin()

    def _begin(self) -> None:
        self._held: Counter[int] = Counter()
        self._ends: dict[int, float] = {}
        self._heads: dict[int, Head] = {}
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._name = uuid.uuid4().hex

    @contextmanager
    def hold(self, commit: int) -> Iterator[None]:
        """Keeps a commit from being collected for the time of a block, ten minutes at most."""
        if self._process != os.getpid():
            self._begin()  # after a fork: what is held stays with the parent
        with self._lock:
            if self._ends.get(commit, 0.0) - time.monotonic() < HELD_S / 2:
                # Who may only read keeps nothing: it is told where what it reads is collected meanwhile.
                with contextlib.suppress(ReadOnlyError):
                    self._note(commit)
            self._held[commit] += 1
        try:
            yield
        finally:
            if self._process == os.getpid():
                self._give_back(commit)

    def keep(self, head: Head) -> None:
        """Remembers what the record of commits said while its commit was held already."""
        with self._lock:
            if self._held[head.number]:
                self._heads[head.number] = head

    def head_of(self, commit: int) -> Head | None:
        """What was remembered with a commit that cannot be collected for now; it need not be asked for again.

        Nothing that it says of this commit changes: numbers up to it were burnt before it was begun.
        """
        if self._process != os.getpid():
            return None
        with self._lock:
            is_safe = self._ends.get(commit, 0.0) - time.monotonic() > _MARGIN_S
            return self._heads.get(commit) if is_safe else None

    def oldest(self, *, before: int) -> int:
        """The oldest commit below `before` that anybody reads; `before` if nobody reads an older one."""
        wanted = all_of([equals("kind", "hold"), in_range("ends_ms", gt=time.time() * 1000)])
        self._server.settle()
        held: list[int] = [hit.payload["commit"] for hit in self._server.scroll(RECORDS, wanted, ("commit",))]
        return min([before, *held])

    def sweep(self) -> None:
        """Removes records whose time is over."""
        over = in_range("ends_ms", lt=(time.time() - HELD_S) * 1000)
        self._server.delete(RECORDS, all_of([equals("kind", "hold"), over]))

    def close(self) -> None:
        """Gives up all that is held."""
        if self._process == os.getpid() and self._ends:
            with self._lock, contextlib.suppress(StoreError):
                noted = [self._id(commit) for commit in self._ends]
                self._held.clear()
                self._heads.clear()
                self._ends.clear()
                self._server.remove(RECORDS, noted)

    def _note(self, commit: int) -> None:
        payload = {
            "kind": "hold",
            "holder": self._name,
            "commit": commit,
            "ends_ms": int((time.time() + HELD_S) * 1000),
        }
        self._server.write(RECORDS, [Point(self._id(commit), payload=payload)], replace=True)
        self._ends[commit] = time.monotonic() + HELD_S

    def _give_back(self, commit: int) -> None:
        with self._lock:
            if not self._held[commit]:
                return  # closed meanwhile
            self._held[commit] -= 1
            if self._held[commit] == 0:
                del self._held[commit]
                self._heads.pop(commit, None)
                if self._ends.pop(commit, None) is not None:
                    # One that cannot be removed now ends by itself.
                    with contextlib.suppress(StoreError):
                        self._server.remove(RECORDS, [self._id(commit)])

    def _id(self, commit: int) -> str:
        return point_id("hold", self._name, str(commit))
