"""One writer at a time: the head names its owner until an hour that the owner puts off as it goes on.

Clocks of machines differ, and a writer may be asleep when its time is over. So the lease keeps writers from
hindering one another, and what keeps the index right is that the pointer moves only for the owner, and that
a number begun by anybody else is burnt first.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from types import TracebackType

from ragkit.errors import StoreError, TransientStoreError
from ragkit.failpoints import reach
from ragkit.store.remote import head
from ragkit.store.remote.head import Head
from ragkit.store.remote.server import RemoteServer


class WriterLease:
    """The right to write. Reentrant within a thread; other threads of the process wait."""

    def __init__(self, server: RemoteServer) -> None:
        self._server = server
        self._begin()

    def _begin(self) -> None:
        self._threads = threading.RLock()
        self._depth = 0
        self._process = os.getpid()
        self.owner = f"{socket.gethostname()}/{self._process}/{uuid.uuid4().hex}"
        self._renew_at = 0.0

    def __enter__(self) -> WriterLease:
        if self._process != os.getpid():
            self._begin()  # after a fork: what is held stays with the parent
        self._threads.acquire()
        try:
            if self._depth == 0 or time.monotonic() > self._renew_at:
                self._take()
        except BaseException:
            self._threads.release()
            raise
        self._depth += 1
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process != os.getpid():
            return
        self._depth -= 1
        try:
            if self._depth == 0:
                head.change(self._server, {"owner": "", "expires_ms": 0}, owner=self.owner)
        except StoreError:
            if error is None:
                raise
        finally:
            self._threads.release()

    def keep(self) -> None:
        """Puts off the end of the lease where it comes near.

        Raises:
            TransientStoreError: somebody else has it by now.
        """
        if time.monotonic() > self._renew_at:
            self._take()

    def lost(self) -> TransientStoreError:
        """The error of a writer that was too slow."""
        return TransientStoreError(
            f"{self._server.where}: this writer was silent for longer than lease_s "
            f"({self._server.lease_s} s), and another one took over. Nothing of this commit is to "
            "be seen. Run it again"
        )

    def _take(self) -> None:
        seen = head.read(self._server)
        if not self._is_free(seen):
            raise self._refusal(seen)
        lease_s = self._server.lease_s
        began = time.monotonic()
        until = _now_ms() + lease_s * 1000
        head.change(
            self._server,
            {"owner": self.owner, "expires_ms": until},
            owner=seen.owner,
            expires_ms=seen.expires_ms,
        )
        taken = head.read(self._server)
        if taken.owner != self.owner:
            raise self._refusal(taken)
        self._renew_at = began + lease_s / 3
        reach("lock.taken")

    def _is_free(self, seen: Head) -> bool:
        return seen.owner in ("", self.owner) or seen.expires_ms < _now_ms() or _is_dead(seen.owner)

    def _refusal(self, seen: Head) -> TransientStoreError:
        host, pid, _ = (*seen.owner.split("/"), "?", "?")[:3]
        left_s = max(0, seen.expires_ms - _now_ms()) / 1000
        return TransientStoreError(
            f"{self._server.where}: process {pid} on {host} is writing to this index, and an index has "
            f"one writer. Wait until it is done, or stop it: its lease ends in {left_s:.0f} s unless it goes "
            "on. Reading goes on meanwhile"
        )


def _now_ms() -> int:
    return int(time.time() * 1000)


def _is_dead(owner: str) -> bool:
    """Whether the owner was a process of this machine that is gone."""
    host, _, rest = owner.partition("/")
    pid = rest.partition("/")[0]
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
